"""Copies of this process that run the code of another folder.

The process of the tests has imported torch, Lightning and MLflow, which takes a new one ten to twenty seconds. A copy (a fork) forgets
the modules of the project alone, and imports them again from the folder that it is given. `lle.launch` has a loader of the same
kind for pipelines; that one serves a single folder, and `tests/pipeline` runs it as it is.
"""

from __future__ import annotations

import gc
import importlib
import logging
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from multiprocessing.context import ForkProcess
from pathlib import Path

import cv2

ROOT = Path(__file__).parent.parent
OWN = ("lle", "tests")
DVC = ("dvc.cli.parser", "dvc.logger", "dvc.repo.index", "dvc.repo.reproduce")
"""What most DVC commands import."""
_FORK = multiprocessing.get_context("fork")


@contextmanager
def loader(address: Path) -> Iterator[dict[str, str]]:
    """Serves `lle` commands in copies, each with the code of the folder that its PYTHONPATH names first.

    Args:
        address: path of the socket that is made.

    Yields:
        What the commands need in their environment.
    """
    _import_libraries()
    process = _started(_serve, address)
    try:
        while not address.exists() and process.is_alive():
            time.sleep(0.01)
        yield {"LLE_LOADER": str(address)}
    finally:
        process.terminate()
        process.join()


@contextmanager
def new_loader(address: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Serves `lle` commands of one folder, or environment, from a process that is started with it, as `python -m lle.launch` does.

    Args:
        address: path of the socket that is made; commands need it as LLE_LOADER.
        environment: of the process; its PYTHONPATH says whose code it has.
    """
    command = [sys.executable, "-P", "-m", "lle.launch", "--serve", str(address)]
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        while not address.exists() and process.poll() is None:
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def call(function: Callable[..., None], folder: Path, *arguments: object) -> str:
    """Runs a function in a copy, inside a folder and with the code that lies there.

    Args:
        function: imports what it needs of the project itself.
        folder: holds `lle`.
        arguments: for the function.

    Returns:
        What the copy printed; where it did not succeed, an AssertionError holds that.
    """
    _import_libraries()
    printed = folder.parent / f"{folder.name}.printed"
    process = _started(_call, function, folder, arguments, printed)
    process.join()
    text = printed.read_text(encoding="utf-8", errors="replace")
    assert process.exitcode == 0, f"{function.__name__}{arguments} in {folder}\n{text}"
    return text


def dvc(
    words: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a DVC command in a copy; importing DVC takes a new process about a second, as long as most commands take.

    Args:
        words: of the command, without `dvc`.
        folder: where it runs.
        environment: of the command and of what it starts.
        timeout: seconds after which it is killed; None waits.

    Returns:
        Its exit code, -9 where it was killed, and what it printed.
    """
    # While it is imported, DVC replaces the streams that it finds.
    with redirect_stdout(None), redirect_stderr(None):
        for name in DVC:
            importlib.import_module(name)
    with tempfile.TemporaryDirectory() as printed:
        files = [Path(printed, name) for name in ("stdout", "stderr")]
        process = _started(_dvc, words, folder, environment, files)
        process.join(timeout)
        if process.is_alive():
            process.kill()
            process.join()
        stdout, stderr = (file.read_text(encoding="utf-8", errors="replace") for file in files)
    assert process.exitcode is not None
    return subprocess.CompletedProcess(["dvc", *words], process.exitcode, stdout, stderr)


def _dvc(words: Sequence[str], folder: Path, environment: Mapping[str, str], files: Sequence[Path]) -> None:
    _print_to(*files)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    # Its handlers print to the streams that were there when it was imported.
    for name in ("dvc", "dvc_objects", "dvc_data"):
        logging.getLogger(name).handlers.clear()
    sys.modules["dvc.logger"].setup()
    sys.exit(sys.modules["dvc.cli"].main(list(words)))


def _print_to(*files: Path) -> None:
    """Standard output goes to the first file and standard error to the last."""
    opened = [file.open("wb") for file in files]
    for number, file in ((1, opened[0]), (2, opened[-1])):
        os.dup2(file.fileno(), number)
    for file in opened:
        file.close()
    _own_streams()


def _started(target: Callable[..., None], *arguments: object) -> ForkProcess:
    """Starts a copy that calls a function."""
    # The copy has none of the threads that OpenCV started here, and would wait for them for ever where it uses or ends them.
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    gc.disable()
    process = _FORK.Process(target=_keeping, args=(target, *arguments))
    process.start()
    gc.enable()
    cv2.setNumThreads(threads)
    return process


def _keeping(target: Callable[..., None], *arguments: object) -> None:
    """Calls a function; what was garbage before stays: a video frame of PyAV would wait, when it is freed, for threads of the parent."""
    gc.freeze()
    gc.enable()
    target(*arguments)


def _one_thread() -> None:
    """Torch uses none of the threads that it had started in the process that was copied: a copy has not got them."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _import_libraries() -> None:
    """Imports what copies would import one by one; where many files are tested, it is there already."""
    from lle.launch import LIBRARIES

    for name in LIBRARIES:
        with suppress(ModuleNotFoundError):
            importlib.import_module(name)


def _call(function: Callable[..., None], folder: Path, arguments: Sequence[object], printed: Path) -> None:
    _print_to(printed)
    _one_thread()
    _take_code_from(str(folder))
    os.environ["PYTHONPATH"] = str(folder)
    os.chdir(folder)
    function(*arguments)
    sys.stdout.flush()


def _serve(address: Path) -> None:
    from lle import launch

    _one_thread()
    # As the commands are told: those with another number would start on their own.
    os.environ["OMP_NUM_THREADS"] = "1"
    # Where Python looks for modules is set for each copy.
    launch.READ_AT_IMPORT = tuple(name for name in launch.READ_AT_IMPORT if name != "PYTHON")
    # Copies forget the project's modules anyway.
    launch.OWN = ()
    become = launch._become

    def placed(request: Mapping[str, object], streams: Sequence[int], connection: object) -> None:
        environment: Mapping[str, str] = request["environment"]  # type: ignore[assignment]
        _own_streams()
        _take_code_from(*filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)))
        become(request, streams, connection)  # type: ignore[arg-type]

    launch._become = placed
    launch.serve(str(address))


def _own_streams() -> None:
    """Python's streams are those of the process again, which pytest had replaced."""
    sys.stdin, sys.stdout, sys.stderr = (open(number, mode, closefd=False) for number, mode in enumerate("rww"))  # noqa: SIM115


def _take_code_from(*folders: str) -> None:
    """Forgets the project's modules; the next import takes them from the folders."""
    for name in [name for name in sys.modules if name.partition(".")[0] in OWN]:
        del sys.modules[name]
    sys.path[:] = [*folders, *(path for path in sys.path if not Path(path or ".").resolve().is_relative_to(ROOT / "tests"))]
    with suppress(ValueError):
        sys.path.remove(str(ROOT))
    importlib.invalidate_caches()
