"""Made sets are the same, byte for byte, on processors with fewer instruction sets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import tempfile
from pathlib import Path
from lle.config.data import DemoData, DemoSegData
from lle.data.prepare import prepare

sizes = {"train": 3, "val": 1, "test_full": 0, "test_crops": 1, "crop": (48, 56)}
sets = {
    "demo": DemoData(kind="demo", lighting="room", **sizes),
    "demo_mine": DemoData(kind="demo", lighting="mine", **sizes),
    "demo_published": DemoData(kind="demo", lighting="room", mode="published", **sizes),
    "demo_varied": DemoData(kind="demo", lighting="varied", varied={"camera": {"jpeg": 1}}, **(sizes | {"train": 12})),
    "demo_seg": DemoSegData(kind="demo_seg", train=2, val=1, test=1, size=64),
}
with tempfile.TemporaryDirectory() as folder:
    digests = {name: prepare(name, settings, Path(folder)).digest for name, settings in sets.items()}
"""
FEWER = {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4", "OPENCV_CPU_DISABLE": "AVX2,FMA3,AVX", "JSIMD_FORCENONE": "1"}
"""As on a processor without them: NumPy, OpenCV and libjpeg-turbo read these."""


def digests_elsewhere(**environment: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"{SCRIPT}\nimport json\nprint(json.dumps(digests))"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    return json.loads(done.stdout)


def test_digests_do_not_depend_on_the_processor() -> None:
    made: dict[str, dict[str, str]] = {}
    exec(SCRIPT, made)  # in this process, which has imported everything
    here = made["digests"]
    assert len(set(here.values())) == 5
    assert digests_elsewhere(**FEWER) == here
