"""What is said of a killed run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lle.measure.kills import running


@pytest.mark.parametrize("shell", ["{lle} train sci; true", "exec {lle} train sci", "{lle} train sci & {lle} fetch demo; wait"])
def test_the_stages_that_run_are_named(tmp_path: Path, shell: str) -> None:
    (tmp_path / "lle").write_text("import time; time.sleep(60)\n")
    command = shell.format(lle=f"{sys.executable} {tmp_path / 'lle'}")
    top = subprocess.Popen([sys.executable, "-c", f"import subprocess; subprocess.run(['sh', '-c', {command!r}])"], start_new_session=True)
    wanted = {"lle train sci"} | ({"lle fetch demo"} if "fetch" in shell else set())
    try:
        end = time.monotonic() + 60
        while set(running(top).split(", ")) != wanted and time.monotonic() < end:
            time.sleep(0.02)
        assert set(running(top).split(", ")) == wanted
    finally:
        os.killpg(top.pid, signal.SIGKILL)
        top.wait()
