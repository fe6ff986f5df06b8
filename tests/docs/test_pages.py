"""Links and paths on the pages lead somewhere, pages are one screen, and the site builds without a warning."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import PAGES, ROOT

SITE = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
OLDER = {"docs/mlflow.md", "docs/own_data.md", "docs/simulation.md", "docs/mine/README.md", "README.md", "CONTRIBUTING.md"}
"""Pages longer than one screen, or beside the site: no other may become so."""
MADE = ("build/", "reports/benchmarks/backends.json", ".github/workflows/gate.yml")
"""What commands make or users copy, which a clone need not have."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text_without_code(path: Path) -> str:
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_relative_links_exist(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", text_without_code(path)):
        if not link.startswith(("http://", "https://", "#", "mailto:")):
            assert (path.parent / link.partition("#")[0]).exists(), f"{name_of(path)}: {link} leads nowhere"


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_named_files_exist(path: Path) -> None:
    """Whatever stands in backquotes and begins with a folder of the repository is there, unless a page has the reader write it."""
    folders = [entry.name for entry in ROOT.iterdir() if entry.is_dir() and entry.name not in {"build"}]
    written = re.findall(r"Write `([^`]+)`", path.read_text(encoding="utf-8"))
    for name in re.findall(r"`((?:[\w.-]+/)+[\w.*-]*)`", text_without_code(path)):
        if name.partition("/")[0] in folders and name not in written and not name.startswith(MADE):
            assert list(ROOT.glob(name.rstrip("/"))), f"{name_of(path)}: there is no {name}"


@pytest.mark.parametrize("path", [path for path in PAGES if name_of(path) not in OLDER], ids=name_of)
def test_a_page_is_one_screen(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 48
    assert max(map(len, lines)) <= 150


def test_the_readme_is_one_screen() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 66


def listed(entries: list) -> list[str]:
    values = [value for entry in entries for value in (entry.values() if isinstance(entry, dict) else [entry])]
    return [name for value in values for name in (listed(value) if isinstance(value, list) else [value])]


def test_every_page_is_in_the_menu() -> None:
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in PAGES if path.is_relative_to(ROOT / "docs")}
    assert set(listed(SITE["nav"])) == pages | {"methods/index.md", "papers/index.md"}


def test_the_site_builds_strictly_and_loads_nothing(tmp_path: Path) -> None:
    for package in ("mkdocs", "material", "mkdocstrings"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install -e '.[dev]', or make docs")
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    from lle import registry

    assert {f"{name}.html" for name in registry.list_methods(helpers=True)} <= {page.name for page in pages}
    loads = re.compile(
        r'<(?:script|img|iframe)[^>]+src="?(?:https?:)?//|<link[^>]+rel="?(?:stylesheet|preconnect)[^>]+href="?(?:https?:)?//'
    )
    for page in pages:
        assert not loads.search(page.read_text(encoding="utf-8")), f"{page.name} loads something from a network"
    for page in ("index", "sllen"):
        assert "<table>" in (tmp_path / f"site/papers/{page}.html").read_text(encoding="utf-8")
    gallery = (tmp_path / "site/methods/index.html").read_text(encoding="utf-8")
    assert "jcrnet.webp" in gallery
    assert "PSNR" in gallery
    differ = (tmp_path / "site/why_numbers_differ.html").read_text(encoding="utf-8")
    assert "<code>jcrnet</code>" in differ
    assert "<!-- table" not in differ
    assert "<li>Layers that the published file" in (tmp_path / "site/methods/jcrnet.html").read_text(encoding="utf-8"), "lists are lists"
    assert 'id="lle.infer.enhancer.Enhancer.enhance"' in (tmp_path / "site/reference.html").read_text(encoding="utf-8")
