"""Runs pytest in processes that are copies of one: it has imported the libraries, which takes a new process ten to forty seconds.

`python -m tests.workers 3 ARGUMENTS...` is `pytest -n 3 ARGUMENTS...` of pytest-xdist, whose processes are started by a command of our
own (`--tx`). That command asks a loader, see `lle.launch`, for a copy, as commands of a pipeline do.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import subprocess
import sys
import tempfile
import types
from collections.abc import Sequence
from pathlib import Path

from lle import launch

ADDRESS = "LLE_TEST_LOADER"
"""Environment variable with the loader's socket, for the commands that pytest-xdist starts alone: tests say themselves what they use."""
LIBRARIES = (
    *launch.LIBRARIES,
    *(
        "matplotlib.pyplot",
        "open_clip",
        "pandas",
        "scipy.ndimage",
        "scipy.optimize",
        "scipy.stats",
        "sklearn",
        "torchmetrics",
        "torchvision",
    ),
    "mlflow.pyfunc",
)


def main(processes: int, arguments: Sequence[str]) -> int:
    """Runs pytest and returns its exit code."""
    with tempfile.TemporaryDirectory(prefix="lle-tests-") as folder:
        address = str(Path(folder) / "socket")
        # The copies take over how glibc frees memory; theirs is the default one, which the tests of memory go by.
        plain = {**os.environ, "MALLOC_TRIM_THRESHOLD_": str(128 << 10)}
        loader = subprocess.Popen([sys.executable, "-u", "-m", "tests.workers", "--serve", address], env=plain, start_new_session=True)
        # After an installation nothing is compiled yet; another core begins with that at the end of the list.
        compiler = subprocess.Popen([sys.executable, "-m", "tests.workers", "--compile"])
        start = f"{processes}*popen//python={sys.executable} -m tests.workers --copy"
        try:
            # Lightning imports anyio, which has a plugin of pytest; nothing in it asserts anything for these tests.
            quiet = ["-W", "ignore:Module already imported so cannot be rewritten"]
            command = [sys.executable, "-m", "pytest", "--tx", start, *quiet, *arguments]
            return subprocess.run(command, env={**os.environ, ADDRESS: address}, check=False).returncode
        finally:
            for process in (compiler, loader):
                process.terminate()
                process.wait()


def copy(arguments: Sequence[str]) -> int:
    """Lets a copy of the loader do what `python ARGUMENTS...` does; without a loader, Python itself does it."""
    address = os.environ.pop(ADDRESS)
    code = launch.ask(address, ["python", *arguments])
    if code is None:
        os.execv(sys.executable, [sys.executable, *arguments])
    return code


def compile_libraries() -> None:
    """Imports the libraries, the last one first: Python writes what it has compiled, and the loader finds it."""
    for name in reversed(LIBRARIES):
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)


def serve(address: str) -> None:
    """Imports the libraries and makes copies until it is terminated."""
    launch.LIBRARIES = LIBRARIES
    # What a copy runs instead of the command `lle`.
    sys.modules["lle.cli"] = types.SimpleNamespace(main=_run)  # type: ignore[assignment]
    launch.OWN = ()
    launch.serve(address)


def _run() -> None:
    """Runs the program behind `-c`, as a new Python would."""
    del sys.modules["lle.cli"]
    program = sys.argv[sys.argv.index("-c") + 1]
    sys.argv = ["-c"]
    sys.modules["__main__"] = module = types.ModuleType("__main__")
    try:
        exec(program, module.__dict__)
    finally:
        atexit._run_exitfuncs()


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(sys.argv[2])
    elif sys.argv[1] == "--compile":
        compile_libraries()
    elif sys.argv[1] == "--copy":
        sys.exit(copy(sys.argv[2:]))
    else:
        sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
