"""Each page on adding something is done as it says, in a temporary place, and what it promises is there."""

from __future__ import annotations

import re
import shlex
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from loss_checks import found, has_a_finite_gradient, names_its_source

import lle.losses
import lle.metrics
from lle import registry
from lle.cli import main
from lle.config import data as settings
from lle.config.load import load_params
from lle.config.schema import params_model
from lle.data import catalog
from lle.data.images import write_png
from lle.files import read_json
from lle.keys import Keys, code
from lle.metrics import registry as metrics
from tests.conftest import ROOT

PARAMS = """
seed: 3
suite: {methods: [gamma], datasets: [demo], prepare: [demo]}
train: {data: demo, accelerator: cpu, threads: 1, validate_images: 0}
evaluate: {resamples: 100, samples: 1}
profile: {sizes: [[32, 32]], threads: 1, seconds: 0.1}
data:
  demo: {kind: folder, source: pictures, paired: true, split: {train: 0.4, val: 0.2, test: 0.4}}
"""
PAGES = sorted(path.stem for path in (ROOT / "docs").glob("add_a_*.md"))
Run = Callable[[str], str]


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def written(name: str, folder: Path) -> Path:
    """Writes the file that a page shows, by its own name, and returns its path."""
    match = re.search(r"Write `lle/\S*?([^/`]+)`:\n\n```\w+\n(.*?)```", page(name), re.DOTALL)
    assert match is not None, f"docs/{name}.md shows no file"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / match[1]).write_text(match[2], encoding="utf-8")
    return folder / match[1]


def forget() -> None:
    caches = (
        metrics.declared,
        metrics.all_metrics,
        settings.catalog_names,
        catalog.entries,
        registry.packages,
        params_model,
        code.installed,
    )
    for cached in caches:
        cached.cache_clear()
    for name in [name for name in sys.modules if name.endswith((".sharpness", ".log_l1")) or name.partition(".")[0] == "my_package"]:
        del sys.modules[name]


def pair(low: Path, normal: Path, seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (96, 100, 3), dtype=np.uint8)
    write_png(normal, picture)
    write_png(low, picture // 4)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a command of a page in a project with five pairs of pictures, and gives its output."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS, encoding="utf-8")
    for seed in range(5):
        pair(Path(f"pictures/low/{seed}.png"), Path(f"pictures/normal/{seed}.png"), seed)

    def call(line: str) -> str:
        result = CliRunner().invoke(main, shlex.split(line.partition("#")[0])[1:])
        assert result.exit_code == 0, f"{line}: {result.output} {result.exception}"
        return result.output

    forget()
    yield call
    monkeypatch.undo()
    forget()


def commands(name: str, words: str) -> list[str]:
    """Returns the commands of a page that begin with these words."""
    listed = [line for block in re.findall(r"^```sh\n(.*?)^```", page(name), re.DOTALL | re.MULTILINE) for line in block.splitlines()]
    return [line for line in (*listed, *re.findall(r"`([^`\n]+)`", page(name))) if line.startswith(words)]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_one_screen(name: str):
    assert len(page(name).splitlines()) <= 48
    assert max(map(len, page(name).splitlines())) <= 150


def test_every_page_is_tested_and_linked():
    assert PAGES == ["add_a_data_set", "add_a_loss", "add_a_method", "add_a_metric", "add_a_report_section"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"docs/{name}.md" in readme for name in PAGES)


def added_metric(run: Run) -> None:
    """What the page promises of a metric that is in place: a file, a table, a stale evaluation, a column of the report."""
    evaluate, compare = commands("add_a_metric", "lle evaluate")[0], commands("add_a_metric", "lle compare")[0]
    run(evaluate)
    run(evaluate.replace("gamma", "input"))
    result = read_json(Path("reports/metrics/demo/gamma.json"))
    assert result["metrics"]["sharpness"]["mean"] > 100
    assert ",sharpness" in Path("reports/metrics/demo/gamma.csv").read_text(encoding="utf-8").splitlines()[0]
    assert re.search(r"^sharpness ", run(compare), re.MULTILINE), "the comparison has a row of it"
    assert list(metrics.all_metrics())[-1] == "sharpness"


def test_a_metric(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    module = written("add_a_metric", tmp_path / "more")
    monkeypatch.setattr(lle.metrics, "__path__", [*lle.metrics.__path__, str(module.parent)])
    added_metric(run)
    flat = np.full((32, 32, 3), 80, np.uint8)
    assert metrics.all_metrics()["sharpness"].measure(lle.metrics.metric.Sample(flat, flat, None)) == 0


def test_a_metric_of_another_package(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    module = written("add_a_metric", tmp_path / "site" / "my_package")
    (module.parent / "__init__.py").touch()
    home = tmp_path / "site" / "my_package-1.0.dist-info"
    home.mkdir()
    (home / "METADATA").write_text("Metadata-Version: 2.1\nName: my_package\nVersion: 1.0\n", encoding="utf-8")
    match = re.search(r"group `(lle\.metrics)`: `(\w+ = )\"([\w.]+)\"`", page("add_a_metric"))
    assert match is not None
    (home / "entry_points.txt").write_text(f"[{match[1]}]\n{match[2]}{match[3]}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    forget()
    added_metric(run)
    keys = Keys(load_params(Path("params.yaml")))
    assert ("my_package.sharpness", "sharpness") in keys.graph.reached(keys.stage("evaluate/gamma").entries)
    assert ("my_package.sharpness", "sharpness") not in keys.graph.reached(keys.stage("train/gamma").entries)
    module.write_text("HALF = 0.5\n", encoding="utf-8")
    forget()
    with pytest.raises(lle.errors.LleError, match=r"'my_package\.sharpness' is registered under lle\.metrics, but has no METRICS"):
        metrics.all_metrics()
    module.unlink()
    forget()
    with pytest.raises(lle.errors.LleError, match=r"'my_package\.sharpness' is registered under lle\.metrics, but is not there"):
        metrics.all_metrics()


def test_a_data_set(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for path in settings.CATALOG.glob("*.yaml"):
        (tmp_path / "catalog").mkdir(exist_ok=True)
        (tmp_path / "catalog" / path.name).write_bytes(path.read_bytes())
    written("add_a_data_set", tmp_path / "catalog")
    for module in (settings, catalog):
        monkeypatch.setattr(module, "CATALOG", tmp_path / "catalog")
    forget()
    with zipfile.ZipFile("night-pairs.zip", "w") as archive:
        for part, count in (("train", 4), ("test", 2)):
            for seed in range(count):
                places = [Path(f"{part}/{kind}/{kind}_{seed}.png") for kind in ("dark", "bright")]
                pair(*(Path("new") / place for place in places), seed + 10 * (part == "test"))
                for place in places:
                    archive.write(Path("new") / place, place)
    listed, _, checked = [run(line) for line in commands("add_a_data_set", "lle ")[:3]]
    assert re.search(r"^night_pairs +catalog +Night pairs$", listed, re.MULTILINE)
    assert checked == "night_pairs: nothing suspicious\n"
    prepared = read_json(Path("build/data/night_pairs/dataset.json"))
    assert prepared["kind"] == "catalog"
    run(commands("add_a_data_set", "lle evaluate")[0])
    assert read_json(Path("reports/metrics/night_pairs/gamma.json"))["images"] == 2
    key = Keys(load_params(Path("params.yaml"), ["+data.night_pairs={kind: catalog, val: 0.1}"])).key("fetch/night_pairs")
    assert key.settings["catalog.night_pairs"]["title"] == "Night pairs"


def test_a_loss(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    module = written("add_a_loss", tmp_path / "more")
    monkeypatch.setattr(lle.losses, "__path__", [*lle.losses.__path__, str(module.parent)])
    loss = found()["log_l1.log_l1"]
    names_its_source(loss)
    for level in (0.0, 1.0, 0.4):
        has_a_finite_gradient(loss, level)
    # The method of the page on methods, with the lines of this one.
    package = tmp_path / "site" / "my_package"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    from lle.scaffold import new_method

    new_method("night_net", package)
    place = package / "night_net" / "method.py"
    use = re.search(r"```python\n(    def loss.*?)```", page("add_a_loss"), re.DOTALL)
    assert use is not None
    text = re.sub(r"    def loss.*", lambda _: use[1], place.read_text(encoding="utf-8"), flags=re.DOTALL)
    place.write_text(text.replace("from lle.engine", "from lle.losses.log_l1 import log_l1\nfrom lle.engine", 1), encoding="utf-8")
    known = {**registry.packages(), "night_net": "my_package.night_net"}
    monkeypatch.setattr(registry, "packages", lambda: known)
    params_model.cache_clear()
    from tests.methods.helpers import train

    method = registry.create("night_net", registry.config_class("night_net").tiny)
    trained = train(method, iterations=2, batch_size=2, crop=32)
    (terms,) = trained.terms.values()
    assert set(terms) == {"l1", "log_l1"}
    assert 0 < terms["log_l1"] < 1
    assert trained.untouched == set()
