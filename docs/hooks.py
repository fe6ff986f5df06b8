"""What the site is given at build time: a page for each method's card, and tables from result files. Nothing of it is committed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from lle import registry

ROOT = Path(__file__).parents[1]
SET = "mine_rendered"
PICTURE = "test_0001_relit.webp"
FACTS = ("supervision", "parameters", "gmacs", "claimed_gflops", "preset", "source")
PROTOCOL = (
    ("psnr", "PSNR, dB"),
    ("psnr_gt_mean", "PSNR, GT mean, dB"),
    ("ssim", "SSIM"),
    ("ssim_y", "SSIM, grey"),
    ("ssim_skimage", "SSIM, 7 x 7"),
    ("ssim_gt_mean", "SSIM, GT mean"),
    ("loe", "LOE"),
    ("loe_100", "LOE, 100 x 100"),
)


def on_files(files: Files, config: Any) -> Files:
    """Adds the gallery, a page for each card, and the pictures that they show."""
    rows = ["# Methods", "", "Parameters and multiply-accumulates (of a 400 x 600 picture) are counted from the code.", ""]
    rows += ["| | Method | Needs | Parameters | GMACs |", "|---|---|---|---:|---:|"]
    for name in registry.list_methods(helpers=True):
        card = registry.card(name)
        shown = _picture(name, files, config)
        picture = f"![{card.title}]({name}.webp){{ width=160 }}" if shown else ""
        counted = "" if card.parameters is None else f"{card.parameters:,}"
        rows.append(f"| {picture} | [{card.title}]({name}.md) | {card.supervision} | {counted} | {card.gmacs if card.gmacs else ''} |")
        files.append(File.generated(config, f"methods/{name}.md", content=_page(name, shown)))
    files.append(File.generated(config, "methods/index.md", content="\n".join(rows) + "\n"))
    for kind in ("input", "normal"):
        _picture(kind, files, config)
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Puts the tables into their places."""
    return re.sub(r"<!-- table: (\w+) -->", lambda match: _table(match[1]), markdown)


def _picture(name: str, files: Files, config: Any) -> bool:
    path = ROOT / "reports" / "samples" / SET / name / PICTURE
    if path.is_file():
        files.append(File.generated(config, f"methods/{name}.webp", abs_src_path=str(path)))
    return path.is_file()


def _page(name: str, shown: bool) -> str:
    card = registry.card(name)
    facts = [f"| {fact} | {value} |" for fact in FACTS if (value := getattr(card, fact)) is not None]
    lines = [f"# {card.title}", "", f"`{name}`: {card.paper}" + (f" [Paper]({card.url})" if card.url else ""), "", "| | |", "|---|---|"]
    lines += [*facts, ""]
    if shown:
        lines += [f"A rendered roadway of the test split of `{SET}`: as it is, enhanced, and the reference.", ""]
        lines += [
            f"![input](input.webp){{ width=32% }} ![{card.title}]({name}.webp){{ width=32% }} ![reference](normal.webp){{ width=32% }}",
            "",
        ]
    # The card's headings stand below the page's title, whatever they begin with.
    return "\n".join([*lines, card.text, ""])


def _table(name: str) -> str:
    if name != "protocol":
        raise PluginError(f"docs/hooks.py has no table '{name}'. Add it there, or correct the name on the page.")
    folder = ROOT / "reports" / "metrics" / SET
    results = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    lines = ["| Method | " + " | ".join(label for _, label in PROTOCOL) + " |", "|---|" + "---:|" * len(PROTOCOL)]
    for result in sorted(results, key=lambda result: -result["metrics"]["psnr"]["mean"]):
        means = [result["metrics"].get(key, {}).get("mean") for key, _ in PROTOCOL]
        lines.append(f"| `{result['method']}` | " + " | ".join("-" if mean is None else f"{mean:.4g}" for mean in means) + " |")
    images = {result["images"] for result in results}
    return "\n".join([*lines, "", f"`{SET}`, test split, {' or '.join(map(str, sorted(images)))} pictures, means."])
