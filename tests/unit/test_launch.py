"""Commands in copies of a loader behave as commands of their own."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from lle import launch
from tests.waiting import wait

# A loader without heavy libraries, whose `lle` does what its arguments say.
LOADER = """
import sys, types
import lle.launch as launch

def command():
    import os, time
    word, *rest = sys.argv[1:]
    if word == "tell":
        print(os.getpid(), os.getcwd(), *rest, os.environ.get("COLOUR"), sys.stdin.read().strip())
        print("as an error", file=sys.stderr)
    elif word == "sleep":
        open(rest[0], "w").write(str(os.getpid()))
        time.sleep(60)
    elif word == "exit":
        sys.exit(int(rest[0]))
    else:
        raise RuntimeError("a bug")

sys.modules["lle.cli"] = types.SimpleNamespace(main=command)
launch.LIBRARIES, launch.OWN = ("json", "adds"), ()
if sys.argv[1:2] == ["--serve"]:
    launch.serve(sys.argv[2])
else:
    launch.main()
"""


HEEDED = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
"""A shell that runs the tests in the background has Ctrl-C ignored, and its children would inherit that."""


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    script = tmp_path / "loader.py"
    script.write_text(LOADER)
    # A library that changes the environment when it is imported, as torch does.
    (tmp_path / "adds.py").write_text("import os; os.environ['TORCH_ADDED'] = '1'")
    address = str(tmp_path / "socket")
    loader = subprocess.Popen([sys.executable, str(script), "--serve", address], preexec_fn=HEEDED)
    deadline = time.monotonic() + 60
    while not Path(address).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    yield {**os.environ, "LLE_LOADER": address, "LLE_TEST": str(loader.pid)}
    loader.kill()
    loader.wait()


def lle(tmp_path: Path, environment: dict[str, str], *words: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(tmp_path / "loader.py"), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def wait_for(path: Path) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.is_file() and path.read_text():
            return int(path.read_text())
        time.sleep(0.01)
    raise AssertionError(f"{path} was not written")


def is_gone(process: int) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not Path(f"/proc/{process}").exists():
            return True
        time.sleep(0.01)
    return False


def test_arguments_environment_folder_and_streams_are_those_of_the_command(tmp_path: Path, environment: dict[str, str]) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    done = lle(tmp_path, {**environment, "COLOUR": "red"}, "tell", "a b", cwd=folder, input="typed")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split(maxsplit=1)[1] == f"{folder} a b red typed\n"
    assert done.stderr == "as an error\n"


@pytest.mark.parametrize("code", [0, 1, 2, 143])
def test_the_exit_code_comes_back(tmp_path: Path, environment: dict[str, str], code: int) -> None:
    assert lle(tmp_path, environment, "exit", str(code)).returncode == code


def test_a_bug_shows_its_traceback(tmp_path: Path, environment: dict[str, str]) -> None:
    done = lle(tmp_path, environment, "bug")
    assert done.returncode == 1
    assert "RuntimeError: a bug" in done.stderr


def test_what_libraries_read_at_import_must_be_equal(tmp_path: Path, environment: dict[str, str]) -> None:
    other = {**environment, "OMP_NUM_THREADS": "7"}
    command = [sys.executable, str(tmp_path / "loader.py"), "sleep"]
    for name, settings in (("copy", environment), ("own", other)):
        pid = tmp_path / f"{name}.pid"
        running = subprocess.Popen([*command, str(pid)], env=settings)
        process = wait_for(pid)
        assert (process == running.pid) == (name == "own")
        assert (parent(process) == int(environment["LLE_TEST"])) == (name == "copy")
        running.kill()
        running.wait()


def test_a_command_of_a_copy_is_a_copy_too(tmp_path: Path, environment: dict[str, str]) -> None:
    """It inherits what the libraries added to the environment."""
    pid = tmp_path / "pid"
    command = [sys.executable, str(tmp_path / "loader.py"), "sleep", str(pid)]
    running = subprocess.Popen(command, env={**environment, "TORCH_ADDED": "1"})
    assert parent(wait_for(pid)) == int(environment["LLE_TEST"])
    running.kill()
    running.wait()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 143), (signal.SIGINT, 1)])
def test_the_copy_ends_with_its_command(tmp_path: Path, environment: dict[str, str], number: signal.Signals, code: int) -> None:
    pid = tmp_path / "pid"
    command = [sys.executable, str(tmp_path / "loader.py"), "sleep", str(pid)]
    running = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, preexec_fn=HEEDED)
    process = wait_for(pid)
    running.send_signal(number)
    running.communicate()
    assert running.returncode == code
    assert is_gone(process)


def test_own_modules_are_loaded_once_until_a_file_changes(tmp_path: Path) -> None:
    package = tmp_path / "lle"
    package.mkdir()
    shutil.copy2(launch.__file__, package / "launch.py")
    (package / "__init__.py").touch()
    (package / "cli.py").write_text("from lle.number import NUMBER\n\ndef main():\n    print(NUMBER)\n")
    loads = tmp_path / "loads"
    number = package / "number.py"
    number.write_text(f"open({str(loads)!r}, 'a').write('x')\nNUMBER = 1\n")
    script = tmp_path / "start.py"
    script.write_text(
        "import sys, lle.launch as launch\nlaunch.LIBRARIES, launch.OWN = (), ('number.py',)\n"
        "launch.serve(sys.argv[2]) if sys.argv[1] == '--serve' else launch.main()\n"
    )
    address = tmp_path / "socket"
    own = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def command() -> str:
        asking = {**own, "LLE_LOADER": str(address)}
        return subprocess.run([sys.executable, str(script), "run"], env=asking, capture_output=True, text=True, check=True).stdout

    loader = subprocess.Popen([sys.executable, str(script), "--serve", str(address)], env=own)
    try:
        wait(address.exists)
        assert [command(), command()] == ["1\n", "1\n"]
        assert loads.read_text() == "x"
        number.write_text(number.read_text().replace("= 1", "= 22"))
        assert command() == "22\n"
        assert loads.read_text() == "xx"
    finally:
        loader.kill()
        loader.wait()


def test_without_a_loader_a_command_runs_on_its_own(tmp_path: Path, environment: dict[str, str]) -> None:
    done = lle(tmp_path, {**environment, "LLE_LOADER": str(tmp_path / "none")}, "exit", "3")
    assert done.returncode == 3


def test_a_whole_command_is_given_a_loader() -> None:
    program = "import os, sys; sys.exit(5 if os.environ['LLE_LOADER'] else 0)"
    done = subprocess.run([sys.executable, "-m", "lle.launch", sys.executable, "-c", program], check=False)
    assert done.returncode == 5


FAULTS = """
import ctypes
import resource
import threading
import numpy as np
from lle.launch import keep_freed_memory

WITHOUT_HUGE_PAGES = 41  # PR_SET_THP_DISABLE: otherwise a fault maps 4 KB on one machine and 2 MB on another
ctypes.CDLL(None).prctl(WITHOUT_HUGE_PAGES, 1, 0, 0, 0)
keep_freed_memory()

def blocks(times):
    for _ in range(times):
        several = [np.ones(2 << 20) for _ in range(5)]
        del several

def count():
    blocks(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks(4)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

count()
thread = threading.Thread(target=count)
thread.start()
thread.join()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no mallopt")
def test_freed_memory_is_reused_unless_the_environment_says_otherwise():
    def faults(**environment):
        command = [sys.executable, "-c", FAULTS]
        return [
            int(line) for line in subprocess.run(command, env={**os.environ, **environment}, capture_output=True, check=True).stdout.split()
        ]

    # 16 MB are 4096 pages of 4 KB (256 of 64 KB, which some ARM kernels use), and there are twenty. A thread has memory of its own, by
    # default, which goes back in pieces of 64 MB.
    pages = (2 << 20) * 8 // resource.getpagesize()
    assert all(count < pages for count in faults())
    assert all(count >= 20 * pages for count in faults(MALLOC_MMAP_THRESHOLD_="65536"))


def test_openblas_has_one_thread_unless_the_environment_says_otherwise():
    program = """
from lle.launch import use_one_blas_thread
use_one_blas_thread()
import numpy, threadpoolctl
print(*{pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["internal_api"] == "openblas"})
"""

    def threads(**environment):
        plain = {key: value for key, value in os.environ.items() if not key.startswith(("OPENBLAS_", "OMP_"))}
        return subprocess.run([sys.executable, "-c", program], env=plain | environment, capture_output=True, text=True, check=True).stdout

    assert threads() == "1\n"
    assert threads(OPENBLAS_NUM_THREADS="2") == f"{min(2, os.cpu_count() or 1)}\n"
