"""Further seeds: trained and measured like the suite's own, and shown beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lle import api
from lle.errors import LleError
from lle.files import read_json, write_json
from lle.report.sections.seeds import section
from lle.results.read import read_results
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny suite, of which one method is trained and measured with seeds 0, 1 and 2."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["suite"] = {"methods": ["zero_dce"], "datasets": ["demo"], "prepare": ["demo"], "seeds": [1, 2]}
    params["train"] |= {"data": "demo", "threads": 1, "validate_images": 0}
    params["data"] = {"demo": {"kind": "demo", "lighting": "room", "train": 4, "val": 1, "test_full": 0, "test_crops": 2}}
    params["studies"] = {}
    params["judges"] = {}
    params["methods"]["zero_dce"] |= {"iterations": 3, "batch_size": 1, "crop": 32}
    folder = tmp_path_factory.mktemp("seeds")
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        api.prepare("demo")
        api.train("zero_dce")
        api.evaluate("zero_dce", "demo")
        for seed in (1, 2):
            api.seed("zero_dce", seed)
    return folder


def test_another_seed_gives_another_result_with_its_own_provenance(project: Path):
    own = read_json(project / "reports/metrics/demo/zero_dce.json")
    others = [read_json(project / f"reports/seeds/zero_dce/{seed}/demo.json") for seed in (1, 2)]
    assert [one["provenance"]["seed"] for one in (own, *others)] == [0, 1, 2]
    assert len({one["metrics"]["psnr"]["mean"] for one in (own, *others)}) == 3
    assert others[0]["provenance"]["command"] == "lle seed zero_dce 1"
    assert not (project / "reports/samples/demo/zero_dce/1").exists()


def test_the_report_shows_seed_spread_beside_picture_spread(project: Path):
    shown = section(project / "reports", read_results(project / "reports"))
    assert shown is not None
    assert "Seed sd" in shown.html
    assert "Picture ±" in shown.html
    assert shown.html.count('class="ring"') == 2 * 3  # three seeds, drawn for wide and for narrow windows


def test_a_copied_seed_is_refused(project: Path):
    path = project / "reports/seeds/zero_dce/7/demo.json"
    write_json(path, read_json(project / "reports/seeds/zero_dce/1/demo.json"))
    try:
        with pytest.raises(LleError, match="lle seed zero_dce 7"):
            read_results(project / "reports")
    finally:
        path.unlink()
        path.parent.rmdir()
