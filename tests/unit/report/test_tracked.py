"""What stands in git under `reports/`: small enough, and complete where one file stands for others."""

from __future__ import annotations

import subprocess

from lle.files import read_json
from lle.measure import composite
from lle.measure.study import index
from tests.conftest import ROOT

LIMIT = 15 * 2**20


def test_reports_in_git_stay_small():
    listed = subprocess.run(["git", "ls-files", "-z", "reports"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    files = [ROOT / name for name in listed.split("\0") if name]
    assert files
    assert sum(path.stat().st_size for path in files if path.is_file()) < LIMIT


def test_the_index_of_studies_fits_the_results():
    assert read_json(ROOT / "reports/studies.json") == index(ROOT / "reports"), "run: python -m pipelines.study --index"


def test_the_index_of_the_composite_fits_the_result():
    assert read_json(ROOT / "reports" / composite.INDEX) == composite.index_of(ROOT / "reports"), "run: lle composite"
