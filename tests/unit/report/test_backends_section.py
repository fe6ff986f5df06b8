"""The table of backends: the fastest first, and a reason where a method does not run."""

from __future__ import annotations

import re
from pathlib import Path

from report_files import card, make_reports

from lle.report.sections.backends import section
from lle.results.backends import Backends
from lle.results.read import read_results


def time(backend: str, ms: float | None, **more: object) -> dict[str, object]:
    return {"backend": backend, "precision": "fp32", "ms": ms, **more}


def test_methods_and_their_backends_stand_by_speed(tmp_path: Path):
    make_reports(tmp_path)
    assert section(tmp_path, read_results(tmp_path, card)) is None
    slow = {"trained": True, "times": [time("torch", 90.0, speed_up=1.0, ratio_to_sci=3.0), time("openvino", None, missing="no <x>")]}
    fast = {"trained": True, "times": [time("torch", 30.0), time("openvino", 10.0, speed_up=3.0)]}
    content = {"size": "400x600", "threads": 2, "yardstick_ms": 5.0, "provenance": {}, "methods": {"slow": slow, "sci": fast}}
    Backends.of(content).write(Backends.path(tmp_path))
    shown = section(tmp_path, read_results(tmp_path, card))
    assert shown is not None
    lines = [re.sub("<[^>]*>", " ", line).split() for line in re.findall(r"<tr><th scope=\"row\">.*?</tr>", shown.html, re.DOTALL)]
    assert [line[1] for line in lines] == ["openvino", "torch", "torch", "openvino"]
    assert lines[0][3] == "10"
    assert "no &lt;x&gt;" in shown.html
