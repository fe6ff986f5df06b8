"""What the site is given at build time, and nobody commits: a page for each method's card and each paper, and tables from result files."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from lle import registry

sys.path.insert(0, str(Path(__file__).parent))

import tables

ROOT = Path(__file__).parents[1]
PICTURE = "test_0001_relit.webp"
GALLERY = f"""# Methods

Each card leads to a page with the paper, the settings and how ours differs. The picture is a rendered roadway of the test split of
`{tables.SET}`; PSNR and SSIM are means over that split. A card without them is of a method that the default suite does not train.
Parameters and multiply-accumulates (of a 400 x 600 picture) are counted from the code.

<div class="grid cards" markdown>
"""
PAPERS = """# What the papers print, and what is measured here

Every figure of the five papers' tables that can be read, as it is printed; below it, in bold, ours and its difference, where the same
metric was measured for the same method. Ours is on other pictures where a data set stands in the brackets. Misprints stay and are named.

| Paper | Figures | with one of ours |
|---|---:|---:|
"""


SHOWN = "jcrnet"
"""Method of the start page's pictures."""


def on_files(files: Files, config: Any) -> Files:
    """Adds the gallery, a page for each card and each paper, and the pictures that they show."""
    cards = [GALLERY]
    names = registry.list_methods(helpers=True)
    for name in sorted(names, key=lambda name: (-tables.scores(name).get("psnr", 0), name)):
        shown = _picture(name, files, config)
        cards.append(_card(name, shown))
        files.append(File.generated(config, f"methods/{name}.md", content=_page(name, shown)))
    files.append(File.generated(config, "methods/index.md", content="\n".join([*cards, "</div>", ""])))
    for kind in ("input", "normal"):
        _picture(kind, files, config)
    lines = []
    for key, paper in tables.papers().items():
        lines.append(f"| [{paper.name}]({key}.md): {paper.title} | {paper.claimed} | {paper.ours} |")
        files.append(File.generated(config, f"papers/{key}.md", content=paper.text))
    files.append(File.generated(config, "papers/index.md", content=PAPERS + "\n".join(lines) + "\n"))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Puts tables and pictures into their places, gives links to pages the pages' titles, and separates lists from the text above."""
    markdown = re.sub(r"<!-- table: (\w+) -->", lambda match: _table(match[1]), markdown)
    markdown = markdown.replace("<!-- pictures -->", _strip("methods/", SHOWN, registry.card(SHOWN).title))
    home = Path(page.file.abs_src_path or ROOT).parent
    markdown = re.sub(r"\[([\w./]+\.md)\]\(\1\)", lambda match: f"[{_title(home / match[1])}]({match[1]})", markdown)
    return _with_lists(markdown)


def _title(path: Path) -> str:
    match = re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE) if path.is_file() else None
    if match is None:
        raise PluginError(f"{path} is not there, or has no heading. Correct the link to it.")
    return match[1]


def _with_lists(markdown: str) -> str:
    """Puts an empty line before a list that begins below a line of text: GitHub takes such a list for one, this Markdown does not."""
    lines, code = [""], False
    for line in markdown.splitlines():
        code ^= line.lstrip().startswith("```")
        if not code and re.match(r"(-|\d+\.) ", line) and re.match(r"[^\s\-|#>\d]", lines[-1]):
            lines.append("")
        lines.append(line)
    return "\n".join([*lines[1:], ""])


def _picture(name: str, files: Files, config: Any) -> bool:
    path = ROOT / "reports" / "samples" / tables.SET / name / PICTURE
    if path.is_file():
        files.append(File.generated(config, f"methods/{name}.webp", abs_src_path=str(path)))
    return path.is_file()


def _card(name: str, shown: bool) -> str:
    card, scores = registry.card(name), tables.scores(name)
    facts = [card.supervision, *([f"PSNR {scores['psnr']:.2f} dB", f"SSIM {scores['ssim']:.3f}"] if scores else [])]
    facts += [f"{card.parameters:,} parameters"] if card.parameters else []
    facts += [f"{card.gmacs} GMACs"] if card.gmacs else []
    picture = [f"    [![{card.title}]({name}.webp)]({name}.md)", ""] if shown else []
    return "\n".join([f"-   **[{card.title}]({name}.md)**", "", *picture, f"    {', '.join(facts)}", ""])


def _page(name: str, shown: bool) -> str:
    card, scores = registry.card(name), tables.scores(name)
    facts = {
        "Learns from": card.supervision,
        "Parameters": card.parameters and f"{card.parameters:,}",
        "GMACs": card.gmacs,
        "GFLOPs in the paper": card.claimed_gflops,
        "PSNR, dB": scores and f"{scores['psnr']:.2f}",
        "SSIM": scores and f"{scores['ssim']:.3f}",
        "Preset": card.preset,
        "Authors' code": card.source,
    }
    known = {fact: str(value) for fact, value in facts.items() if value}
    lines = [f"# {card.title}", "", f"`{name}`: {card.paper}" + (f" [Paper]({card.url})" if card.url else ""), ""]
    lines += [*tables.rows(list(known), [list(known.values())], words=len(known)), ""]
    if shown:
        lines += [f"A rendered roadway of the test split of `{tables.SET}`: as it is, enhanced, and the reference.", ""]
        lines += [_strip("", name, card.title), ""]
    # The card's headings stand below the page's title, whatever they begin with.
    return "\n".join([*lines, card.text, ""])


def _strip(folder: str, name: str, title: str) -> str:
    shown = {"as it is": "input", title: name, "reference": "normal"}
    return " ".join(f"![{text}]({folder}{file}.webp){{ width=32% }}" for text, file in shown.items())


def _table(name: str) -> str:
    if name not in tables.TABLES:
        raise PluginError(f"docs/tables.py has no table '{name}'. Add it there, or correct the name on the page.")
    return "\n".join(tables.TABLES[name]())
