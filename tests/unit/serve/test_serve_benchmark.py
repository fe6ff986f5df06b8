"""The benchmark of the service in its short form: some seconds at twice what a slow method can do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from lle.cli import main
from lle.errors import LleError
from lle.measure import service
from lle.measure.service_load import ALLOWED, Answer, make_pictures
from lle.results.benchmarks import ServiceLoad
from tests.conftest import ROOT


def test_mixed_load_gets_right_answers_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]))
    done = CliRunner().invoke(main, ["benchmark", "serve", "msr", "--seconds", "3"])
    assert done.exit_code == 0, done.output
    found = ServiceLoad.read(ServiceLoad.path(tmp_path / "reports"))
    assert found.faults == []
    assert found.different == 0
    assert {"200", "401", "422"} <= set(found.answers) <= {"200", "401", "413", "415", "422", "429"}
    assert sum(found.answers.values()) == sum(sum(counts.values()) for kind, counts in found.kinds.items() if kind != "gone")
    assert set(found.kinds) <= set(ALLOWED)
    assert found.throughput > 0
    assert f"{found.answers['200']} of 200" in done.output


def answers(status: int = 200, fault: str | None = None, same: bool = True) -> list[Answer]:
    return [Answer("good", 0, status, 0.1 + 0.001 * number, number, fault, same) for number in range(100)]


def test_what_is_wrong_is_a_fault(tmp_path: Path):
    pictures = make_pictures(tmp_path / "pictures", 0)
    each = 0.1 * service._megapixels(pictures[0]) * 10  # a picture a second

    def judged(given: list[Answer], memory: list[float], loop: float = each, seconds: float = 100.0) -> dict:
        return service._judged(given, memory, [loop], pictures, seconds, [])

    flat = [500.0] * 100
    good = judged(answers(), flat)
    assert (good["faults"], good["share"]) == ([], pytest.approx(1, abs=0.02))
    assert good["median_s"] == pytest.approx(0.1495)
    assert good["p99_s"] == pytest.approx(0.1, abs=0.1)
    assert "not those of lle enhance" in judged(answers(same=False), flat)["faults"][0]
    assert judged([*answers(), *answers(500, "good: status 500")], flat)["faults"][0] == "good: status 500"
    assert "memory grew by 30 MB of 500" in judged(answers(), [500.0] * 50 + [530.0] * 50)["faults"][0]
    assert "below 85%" in judged(answers(), flat, 1.3 * each)["faults"][0]
    with pytest.raises(LleError, match="no picture was enhanced"):
        judged(answers(429), flat)
