"""What stands in git under `reports/` is small enough."""

from __future__ import annotations

import subprocess

from tests.conftest import ROOT

LIMIT = 15 * 2**20


def test_reports_in_git_stay_small():
    listed = subprocess.run(["git", "ls-files", "-z", "reports"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    files = [ROOT / name for name in listed.split("\0") if name]
    assert files
    assert sum(path.stat().st_size for path in files if path.is_file()) < LIMIT
