"""The table of backends: the fastest first, and a reason where a method does not run."""

from __future__ import annotations

import re
from pathlib import Path

from report_files import card, make_reports

from lle.report.sections.backends import section
from lle.results.backends import Backends, DeviceSpeeds
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


def test_devices_have_tables_of_their_own(tmp_path: Path):
    make_reports(tmp_path)
    one = {"precision": "fp16", "compiled": True, "batch": 16, "ms": 0.25, "ratio_to_sci": 2.5, "memory_mb": 100.0, "psnr": 60.0}
    other = {"precision": "bf16", "compiled": False, "batch": 1, "ms": None, "missing": "no <kernel>"}
    content = {"device": "A GPU", "size": "400x600", "methods": {"sci": [one, other]}, "provenance": {}}
    DeviceSpeeds.of(content).write(DeviceSpeeds.path(tmp_path, "cuda"))
    shown = section(tmp_path, read_results(tmp_path, card))
    assert shown is not None
    assert "A GPU: pictures of 400x600" in shown.html
    assert "no &lt;kernel&gt;" in shown.html
    cells = re.findall(r"<td[^>]*>(.*?)</td>", shown.html)
    assert cells[:7] == ["fp16", "torch.compile", "16", "0.25", "2.5", "100", "60"]


def test_the_authors_code_stands_beside_ours_as_a_ratio(tmp_path: Path):
    make_reports(tmp_path)
    one = time("torch", 90.0, ratio_to_sci=3.0, two_streams_per_s=12.5, energy_j=1.25)
    rows = {"zero_dce": {"trained": True, "times": [one, time("openvino", 10.0)]}, "sci": {"trained": True, "times": [time("torch", 30.0)]}}
    content = {"size": "400x600", "threads": 2, "yardstick_ms": 5.0, "provenance": {}, "methods": rows}
    Backends.of(content).write(Backends.path(tmp_path))
    shown = section(tmp_path, read_results(tmp_path, card))
    assert shown is not None
    lines = [re.findall(r"<td[^>]*>(.*?)</td>", line) for line in re.findall(r"<tr><th scope=\"row\">.*?</tr>", shown.html, re.DOTALL)]
    by_backend = {(line[0], line[2]): line for line in lines}
    # 483 ms and 11 ms in one measurement.
    assert by_backend["torch", "90"][3:5] == ["3", "43.9"]
    assert by_backend["torch", "90"][6] == "12.5"
    assert by_backend["torch", "90"][8] == "1.25"
    assert by_backend["openvino", "10"][4] == "–"
    assert "no counter" not in shown.html
