"""Additional sections: found by their place, ordered, and shown in the page they name."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from markupsafe import Markup
from report_files import card, make_reports

import lle.report.sections as package
from lle.config.load import load_params
from lle.keys import Keys
from lle.report import parts
from lle.report.build import build_report
from lle.report.sections import reads, sections
from lle.results.read import READS as RESULTS
from lle.results.read import read_results
from tests.conftest import ROOT

MODULE = """
from lle.report import parts
from lle.report.sections import Section

READS = ("{key}/*.json",)

def section(reports, results):
    if {empty}:
        return None
    html = parts.paragraph(f"<{{len(results.methods)}} methods in {{reports.name}}>")
    return Section("{key}", "All about {key}", html, menu="{key}", order={order},
        css=".{key} {{ color: red }}", data={{"{key}-data": [1, 2]}})
"""


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with more sections beside the package's own."""
    folder = tmp_path / "modules"
    folder.mkdir()
    for name, key, order, empty in [("za", "first", 310, False), ("zb", "second", 320, False), ("zc", "third", 5, True)]:
        (folder / f"{name}.py").write_text(MODULE.format(key=key, order=order, empty=empty), encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    yield folder
    for name in ("za", "zb", "zc"):
        sys.modules.pop(f"lle.report.sections.{name}", None)


def test_sections_are_found_and_ordered(added: Path, tmp_path: Path):
    reports = make_reports(tmp_path / "reports")
    keys = [one.key for one in sections(reports, read_results(reports, card)) if one.page == "index"]
    assert [key for key in keys if key in {"first", "second", "third"}] == ["first", "second"]
    assert keys.index("tables") < keys.index("first") < keys.index("training") < keys.index("reproduce")


def test_an_added_section_stands_in_the_page_with_menu_style_and_data(added: Path, tmp_path: Path):
    reports = make_reports(tmp_path / "reports")
    build_report(reports, card)
    page = (reports / "index.html").read_text(encoding="utf-8")
    assert '<a href="#first">first</a>' in page
    assert page.index('<section id="first"') < page.index('<section id="second"') < page.index('<section id="training"')
    assert "&lt;10 methods in reports&gt;" in page  # text that is no markup is escaped
    assert ".first { color: red }" in page
    assert '<script type="application/json" id="first-data">[1, 2]</script>' in page


def test_what_a_section_reads_is_declared_by_itself(added: Path):
    assert {"third/*.json", *RESULTS} <= set(reads())


def test_the_report_is_the_same_from_the_declared_files_alone(tmp_path: Path):
    """A file that a section reads and does not declare would make a page that stays old when the file changes."""
    home = ROOT / "reports"
    for path in {path for pattern in reads() for path in home.glob(pattern)}:
        target = tmp_path / "declared" / path.relative_to(home)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    shutil.copytree(home, tmp_path / "all")
    for path in build_report(tmp_path / "all"):
        name = path.relative_to(tmp_path / "all")
        if name.name == "leaderboard.md":
            build_report(tmp_path / "declared")
        assert (tmp_path / "declared" / name).read_bytes() == path.read_bytes(), name


def test_the_example_of_the_documentation_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    page = (ROOT / "docs" / "add_a_report_section.md").read_text(encoding="utf-8")
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "brightness.py").write_text(page.split("```python\n")[1].split("```")[0], encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [str(tmp_path / "modules")])
    try:
        (shown,) = (one for one in sections(ROOT / "reports", read_results(ROOT / "reports")) if one.key == "brightness")
    finally:
        sys.modules.pop("lle.report.sections.brightness", None)
    assert shown.menu == "Brightness"
    assert '<th scope="row">Zero-DCE</th><td>demo</td>' in shown.html


def test_the_key_of_the_report_covers_every_section():
    folder = Path(package.__file__).parent
    names = {f"lle.report.sections.{path.stem}" for path in folder.glob("*.py") if path.stem != "__init__"}
    keys = Keys(load_params(ROOT / "params.yaml"))
    reached = {module for module, _ in keys.graph.reached(keys.stage("report").entries)}
    assert names | {"lle.report.sections", "lle.report.parts"} <= reached


def test_parts_escape_text():
    shown = parts.table("<caption>", ("Method", "Note", "PSNR"), [("<b>", "a & b", "1.0"), ("x", Markup("<i>y</i>"), "2.0")], text=(1,))
    assert "<b>" not in shown
    assert "&lt;caption&gt;" in shown
    assert '<td>a &amp; b</td><td class="num">1.0</td>' in shown
    assert "<td><i>y</i></td>" in shown
    assert "&lt;x&gt;" in parts.fold("<x>", parts.paragraph("y"))
