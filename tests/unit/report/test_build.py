"""The page as a file: the same bytes every time, self-contained, and nothing from the machine in it."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_files import METHODS, card, make_reports

from lle.errors import LleError
from lle.files import read_json, write_json
from lle.report.build import build_report
from lle.report.gallery import webp_size
from lle.report.provenance import origin
from lle.report.render import short
from lle.report.runs import flat
from lle.results.read import read_results

PAGES = ("pictures.html", "simulation.html", "studies.html")
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Checker(HTMLParser):
    """Collects ids, references and tags that are closed in the wrong order."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.outside: list[str] = []
        self.stack: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.stack.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if tag == "a" and name == "href" and value and not value.startswith("https:"):
                self.links.append(value)
            if name in {"src", "srcset", "data", "poster"} and value and not value.startswith("data:"):
                self.outside.append(value)
            if tag == "link" and name == "href" and value and not value.startswith("data:"):
                self.outside.append(value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.stack.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.stack or self.stack.pop() != tag:
            self.wrong.append(tag)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_reports(tmp_path_factory.mktemp("a repository") / "reports")
    papers = [f"papers/{paper}.html" for paper in ("clip_isp", "distill", "sllen", "pie", "jcrnet")]
    pages = [path for path in build_report(folder, card) if path.suffix != ".csv"]
    assert pages == [folder / name for name in ("leaderboard.md", "index.html", *PAGES, *papers)]
    return folder


@pytest.fixture(scope="module")
def page(built: Path) -> str:
    return (built / "index.html").read_text(encoding="utf-8")


def test_equal_inputs_give_equal_bytes_anywhere(built: Path, tmp_path: Path):
    other = make_reports(tmp_path / "somewhere else")
    build_report(other, card)
    names = sorted(path.relative_to(built) for path in [*built.rglob("*.html"), *built.glob("*.md")])
    assert sorted(path.relative_to(other) for path in [*other.rglob("*.html"), *other.glob("*.md")]) == names
    for name in names:
        assert (other / name).read_bytes() == (built / name).read_bytes()


def test_no_path_of_this_machine(built: Path):
    for path in (*built.rglob("*.html"), built / "leaderboard.md"):
        text = path.read_text(encoding="utf-8")
        assert str(built.parent) not in text
        assert str(Path.home()) not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)


def checked(path: Path) -> Checker:
    checker = Checker()
    checker.feed(path.read_text(encoding="utf-8"))
    return checker


def test_pages_are_well_formed_and_self_contained(built: Path):
    found = {path: checked(path) for path in sorted(built.rglob("*.html"))}
    for path, checker in found.items():
        assert checker.wrong == [], path
        assert checker.stack == [], path
        assert checker.outside == [], path
        assert len(set(checker.ids)) == len(checker.ids), path
        text = path.read_text(encoding="utf-8")
        assert "@import" not in text
        assert "url(" not in text


def test_every_link_leads_somewhere(built: Path):
    found = {path: checked(path) for path in sorted(built.rglob("*.html"))}
    for path, checker in found.items():
        for link in checker.links:
            file, _, anchor = link.partition("#")
            target = (path.parent / file).resolve() if file else path
            assert target in found, link
            assert not anchor or anchor in found[target].ids, f"{path.name}: {link}"


def test_pages_that_are_no_more_are_removed(tmp_path: Path):
    reports = make_reports(tmp_path)
    old = reports / "papers" / "retracted.html"
    old.parent.mkdir()
    old.write_text("an old page", encoding="utf-8")
    build_report(reports, card)
    assert not old.exists()


def test_every_picture_is_inside_once(built: Path, page: str):
    uris = re.findall(r"data:image/webp;base64,([A-Za-z0-9+/=]+)", page)
    files = {path.read_bytes() for path in built.glob("samples/*/*/*.webp")}
    assert len(uris) == len(list(built.glob("samples/*/*/*.webp")))
    assert {base64.b64decode(uri) for uri in uris} == files


def test_markup_in_a_card_stays_text(page: str):
    assert "a &lt;b&gt;tag that must stay text&lt;/b&gt;" in page


def test_every_method_has_row_card_and_curves(page: str):
    for method, (title, *_) in METHODS.items():
        assert f'data-method="{method}"' in page
        assert f'id="m-{method}"' in page
        assert title in page


def test_report_without_pictures_profiles_and_curves(tmp_path: Path):
    made = make_reports(tmp_path / "full")
    for name in ("metrics", "claims.yaml"):
        (made / name).rename(tmp_path / name)
    build_report(tmp_path, card)
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    for section in ("compare", "cost", "training"):
        assert f'id="{section}"' not in text
        assert f'href="#{section}"' not in text
    assert "lle profile unet" in text


def test_broken_picture_is_named(tmp_path: Path):
    make_reports(tmp_path)
    path = tmp_path / "samples" / "demo" / "input" / "img000.webp"
    path.write_bytes(b"not a picture at all, but long enough for a head")
    with pytest.raises(LleError, match=r"img000\.webp is not a WebP picture"):
        build_report(tmp_path, card)


@pytest.mark.parametrize("options", [{"quality": 70}, {"lossless": True}, {"quality": 70, "exif": b"Exif\x00\x00"}])
def test_size_of_every_kind_of_webp(tmp_path: Path, options: dict):
    from PIL import Image

    Image.new("RGB", (301, 77), (10, 20, 30)).save(tmp_path / "a.webp", **options)
    assert webp_size(tmp_path / "a.webp") == (301, 77)


def test_flat_and_short():
    assert flat({"b": {"c": [1, 2]}, "a": None}) == [("a", "none"), ("b c", "1, 2")]
    assert short("0123456789abcdef-dirty") == "0123456789ab-dirty"


def test_importing_the_report_is_cheap():
    heavy = ["torch", "lightning", "mlflow", "pyiqa", "matplotlib", "pandas"]
    code = f"import sys, lle.report.build; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_the_page_says_on_which_hardware_its_numbers_were_made(page: str):
    assert '<p class="hardware">All numbers were made on AMD EPYC 7763, 2 cores, no accelerator.</p>' in page
    panel = page[page.index('id="reproduce"') :]
    assert panel.count("<td>AMD EPYC 7763, 2 cores, 2 threads, no accelerator</td>") == panel.count('<th scope="row">')


def test_machines_that_differ_are_named_by_kind(tmp_path: Path):
    reports = make_reports(tmp_path)
    path = reports / "profile" / "unet.json"
    record = read_json(path)
    record["provenance"]["hardware"]["accelerator"] = "NVIDIA H100"
    write_json(path, record)
    sentence = origin(read_results(reports, card)).sentence
    assert sentence == (
        "Made on these machines: quality on AMD EPYC 7763, 2 cores, no accelerator; latency and memory on AMD EPYC 7763, 2 cores, "
        "NVIDIA H100 and AMD EPYC 7763, 2 cores, no accelerator; training on AMD EPYC 7763, 2 cores, no accelerator."
    )
