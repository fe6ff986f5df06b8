"""The commands in the footnotes of the papers' tables are followed, as they stand there, to filled cells.

Every set comes as an archive in its official layout with a few small pictures, and every method is trained for an iteration: what is
tested is that the commands do what the cell needs, one after the other, in a checkout that has no more than what some trainings read
(docs/default_suite.md): a CLIP and labelled pictures.
"""

from __future__ import annotations

import re
import shlex
import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from lle import registry
from lle.cli import main
from lle.data.images import write_png
from lle.report.claims import Compared, ComparedTable, compare
from lle.report.claims_file import CLAIMS, read_claims
from lle.results.read import read_results
from tests.conftest import ROOT
from tests.unit.data import official

COMMAND = re.compile(r"lle (?:fetch|train|evaluate) [\w ]+")
REPORTS = Path("reports")
TINY = {
    "demo": {"kind": "demo", "lighting": "room", "train": 4, "val": 1, "test_full": 0, "test_crops": 1, "crop": [96, 128]},
    "demo_seg": {"kind": "demo_seg", "train": 2, "val": 1, "test": 1},
}


@pytest.fixture
def checkout(tmp_path: Path, tiny_clip: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the project's settings, made tiny, a mirror of the papers' sets, and no result but one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLE_DATA_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setattr(official, "picture", _picture)
    Path("build").mkdir()
    Path("build/clip").symlink_to(tiny_clip)
    REPORTS.mkdir()
    shutil.copy(ROOT / "reports" / CLAIMS, REPORTS)
    shutil.copy(ROOT / "reports/costs.json", REPORTS)
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["suite"] = {"methods": ["gamma"], "datasets": ["demo"], "prepare": ["demo"]}
    values["data"] |= TINY
    values["studies"] = {}
    values["train"] |= {"data": "demo", "threads": 1, "validate_images": 1}
    values["evaluate"] |= {"resamples": 100, "samples": 1}
    for name in registry.packages():
        settings = registry.config_class(name)
        lengths = {key for key in settings.model_fields if key.endswith("iterations")}
        if registry.card(name).supervision != "classical":
            short = {**settings.tiny, **dict.fromkeys(lengths, 1), "batch_size": 2, "crop": 32, "warmup": 0}
            values["methods"][name] = {"preset": "recommended", **values["methods"].get(name, {}), **short}
    Path("params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    run("lle evaluate gamma demo")
    run("lle fetch demo_seg")
    return tmp_path


def _picture(path: Path) -> None:
    """A picture unlike any other, large enough for every metric."""
    coarse = np.random.default_rng(zlib.crc32(str(path).encode())).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    write_png(path.with_suffix(".png"), np.kron(coarse, np.ones((12, 12, 1), np.uint8)))
    if path.suffix != ".png":
        path.with_suffix(".png").rename(path)


def run(command: str) -> None:
    words = shlex.split(command)[1:]
    result = CliRunner().invoke(main, [*words, *(["--no-live"] if words[0] == "train" else [])])
    assert result.exit_code == 0, f"{command}: {result.output} {result.exception}"


def tables() -> list[tuple[str, ComparedTable]]:
    found = compare(read_claims(REPORTS / CLAIMS), read_results(REPORTS))
    return [(f"{paper}, {item.table.table}", item) for paper, items in found.items() for item in items]


def cells() -> dict[tuple[str, int, int], Compared]:
    return {
        (name, i, j): cell for name, item in tables() for i, row in enumerate(item.cells) for j, cell in enumerate(row)
    }  # fmt: skip


def test_commands_of_the_footnotes_fill_their_cells(checkout: Path):
    before = {place: cell for place, cell in cells().items() if "lle evaluate" in cell.missing}
    sets = {word for cell in before.values() for word in re.findall(r"lle fetch (\w+)", cell.missing)}
    assert sets >= {"lol_v1", "gladnet", "agllnet", "dicm", "npe", "mef"}
    for name in sets:
        official.write(name, checkout / "raw" / name)
        shutil.make_archive(str(checkout / "mirror" / name), "zip", checkout / "raw" / name)
    done: set[str] = set()
    for cell in before.values():
        commands = [found.strip() for found in COMMAND.findall(cell.missing)]
        assert commands[-1].startswith("lle evaluate")
        for command in commands:
            if command not in done:
                run(command)
                done.add(command)
    after = cells()
    for place, cell in before.items():
        now = after[place]
        assert now.ours or "weight file" in now.missing, f"{place}: {cell.missing} left: {now.missing}"
    assert sum(bool(after[place].ours) for place in before) > 100
