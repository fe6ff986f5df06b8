"""Starts `lle`, where possible in a process that has the heavy libraries loaded already.

A pipeline runs dozens of commands, and importing torch and Lightning takes longer than the work of most of them. `python -m
lle.launch COMMAND...` imports both once, in a *loader*, and runs COMMAND (such as `dvc repro`) with the address of that
loader in its environment. Each `lle ...` below it then asks the loader for a copy of itself (a fork), which takes over the
arguments, environment, folder and open streams of the command. Where one of the project's own files has changed since, the copies
import its modules afresh, so an edited file counts at once. The loader ends with COMMAND; without one, `lle` runs as any program does.

The standard library has a server of this kind (`multiprocessing.forkserver`), but it serves its own parent process alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ADDRESS = "LLE_LOADER"
"""Environment variable with the loader's socket."""
STORE = "mlflow.store.tracking.sqlalchemy_store"
"""Every training writes to it while it runs, and importing it takes seconds; `import mlflow` leaves it out."""
LIBRARIES = ("numpy", "cv2", "PIL.Image", "scipy", "pydantic", "yaml", "torch", "lightning.pytorch", "mlflow", STORE)
"""What the loader imports, as far as it is installed."""
OWN: tuple[str, ...] = ("project/project.py", "engine/train.py", "measure/method.py", "cli/commands.py", "methods/*/config.py")
"""Files of the project's own modules that most commands need; importing them takes longer than the shortest stages do."""
READ_AT_IMPORT: tuple[str, ...] = (
    "ATEN_",
    "CUDA_",
    "DNNL_",
    "GOMP_",
    "KMP_",
    "LD_",
    "MKL_",
    "NPY_",
    "OMP_",
    "ONEDNN_",
    "OPENBLAS_",
    "OPENCV_",
    "PYTHON",
    "TORCH_",
)
"""Beginnings of variables that libraries read once, while they are imported: a command with other values starts on its own."""
THREADS = "LLE_THREADS"
"""Environment variable with the number of threads that torch and OpenCV may use in a copy of the loader; without it, all cores."""
TIMES = "LLE_TIMES"
"""Environment variable with the file to which each copy appends a line of JSON: its command, and how long it took."""
GARBAGE = (20_000, 20, 20)
"""When copies look for garbage. With Python's 700 objects they look more often than they find: it is a quarter of `lle pipeline keys`."""
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LARGEST_REQUEST = 1 << 20
_MALLOC = {-3: 32 << 20, -1: 1 << 30, -8: 1}
"""Parameters of glibc's `mallopt`: M_MMAP_THRESHOLD (its greatest allowed value) and M_TRIM_THRESHOLD, in bytes, and M_ARENA_MAX: memory of
other threads than the main one goes back to the system in pieces of 64 MB, whatever the threshold."""


def main() -> None:
    """Entry point of the command `lle`."""
    keep_freed_memory()
    use_one_blas_thread()
    address = os.environ.get(ADDRESS)
    if address:
        code = ask(address, sys.argv)
        if code is not None:
            sys.exit(code)
    from lle.cli import main as command

    command()


def keep_freed_memory() -> None:
    """Lets this process reuse the memory of freed tensors instead of returning each to the system.

    glibc maps every large block anew, and the kernel clears its pages again: half of the time of a convolution at 400x600 where the
    result has 32 channels. Settings in the environment win; other C libraries are left as they are.
    """
    if any(name in os.environ for name in ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")):
        return
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        for parameter, size in _MALLOC.items():
            library.mallopt(parameter, size)


def use_one_blas_thread() -> None:
    """Keeps the OpenBLAS of NumPy and SciPy to one thread, unless the environment says otherwise; torch has a library of its own.

    Products here are small. OpenBLAS shares even a scalar product among all cores, whose threads then wait busily for the next one:
    a third of the processor's time of `lle evaluate gamma`.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def run(command: Sequence[str]) -> int:
    """Runs a command with a loader beside it and returns its exit code.

    Args:
        command: program and arguments.
    """
    with loader() as environment:
        return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode


@contextlib.contextmanager
def loader() -> Iterator[dict[str, str]]:
    """Has a loader beside a block, and yields what commands that use it need in their environment."""
    with tempfile.TemporaryDirectory(prefix="lle-loader-") as folder:
        address = str(Path(folder) / "socket")
        # -P, since the command `lle` does not look for modules in the present folder either. A session of its own: Ctrl-C reaches the
        # command, which passes it on.
        process = subprocess.Popen([sys.executable, "-P", "-m", "lle.launch", "--serve", address], start_new_session=True)
        try:
            yield {ADDRESS: address}
        finally:
            process.terminate()
            process.wait()


def serve(address: str) -> None:
    """Imports `LIBRARIES` and `OWN`, then forks a copy for each request until it is terminated.

    Args:
        address: path of the socket.
    """
    keep_freed_memory()
    use_one_blas_thread()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(address)
    # Commands that come while the libraries load wait in the queue.
    listener.listen(64)
    before = dict(os.environ)
    files = _own_files()
    for name in (*LIBRARIES, *_own_modules()):
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)
    added = {key: value for key, value in os.environ.items() if before.get(key) != value}
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel forgets ended copies
    # A command that a copy starts inherits what importing the libraries added.
    own = (_read_at_import(before), _read_at_import({**before, **added}))
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                text, streams, _, _ = socket.recv_fds(connection, _LARGEST_REQUEST, 3)
                request = json.loads(text)
            except (OSError, ValueError):
                continue
            if _read_at_import(request["environment"]) not in own or os.fork():
                for stream in streams:
                    os.close(stream)
                continue
            listener.close()
            if _own_files() != files:
                _forget_own_modules()
            request["environment"] |= added
            _become(request, streams, connection)


def _own_modules() -> Iterator[str]:
    """Yields the names of the modules in `OWN`."""
    package = Path(__file__).parent
    for pattern in OWN:
        for path in sorted(package.glob(pattern)):
            yield ".".join(("lle", *path.relative_to(package).with_suffix("").parts))


def _own_files() -> dict[str, int]:
    """Returns when each of the project's modules was last changed, in nanoseconds."""
    return {str(path): path.stat().st_mtime_ns for path in Path(__file__).parent.rglob("*.py")}


def _forget_own_modules() -> None:
    """The next import of a module of the project takes it from its file."""
    for name in [name for name in sys.modules if name.startswith("lle.")]:
        del sys.modules[name]
    importlib.invalidate_caches()


def _become(request: Mapping[str, object], streams: Sequence[int], connection: socket.socket) -> None:
    """Runs a command in this copy of the loader, and ends it."""
    import random

    import numpy as np

    begun, before = time.perf_counter(), sum(os.times()[:4])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request["environment"])  # type: ignore[call-overload]
    os.chdir(str(request["folder"]))
    sys.argv = list(request["arguments"])  # type: ignore[call-overload]
    if threads := os.environ.get(THREADS):
        for library, function in (("torch", "set_num_threads"), ("cv2", "setNumThreads")):
            if library in sys.modules:
                getattr(sys.modules[library], function)(int(threads))
    random.seed()
    np.random.seed(None)  # the state that libraries share
    connection.sendall(f"{os.getpid()}\n".encode())
    threading.Thread(target=_die_with, args=(connection,), daemon=True).start()
    code = 1
    try:
        from lle.cli import main as command

        command()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
        if isinstance(leaving.code, str):
            print(leaving.code, file=sys.stderr)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        if times := os.environ.get(TIMES):
            spent = {"begun": begun, "seconds": time.perf_counter() - begun, "cpu_seconds": sum(os.times()[:4]) - before, "exit_code": code}
            note_time(Path(times), {"command": ["lle", *sys.argv[1:]], **spent})
        with contextlib.suppress(OSError):
            connection.sendall(f"{code}\n".encode())
        os._exit(code)


def note_time(times: Path, line: Mapping[str, object]) -> None:
    """Appends a line of JSON, if the file can be written: a profile is worth no failure."""
    with contextlib.suppress(OSError), times.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _die_with(connection: socket.socket) -> None:
    """Ends this process when the command that asked for it is gone."""
    with contextlib.suppress(OSError):
        while connection.recv(1):
            pass
    os.kill(os.getpid(), signal.SIGKILL)


def ask(address: str, arguments: Sequence[str]) -> int | None:
    """Lets the loader run a command; returns its exit code, or None where there is no loader or it refuses."""
    request = {"arguments": list(arguments), "environment": dict(os.environ), "folder": os.getcwd()}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(address)
            socket.send_fds(connection, [json.dumps(request).encode()], [0, 1, 2])
        except OSError:
            return None
        answer = connection.makefile("r")
        first = answer.readline()
        if not first:
            return None
        process = int(first)
        ended_by = [signal.SIGKILL]

        def forward(number: int, _: object) -> None:
            ended_by.append(signal.Signals(number))
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

        for number in FORWARDED:
            signal.signal(number, forward)
        last = answer.readline()
        # A copy that a signal ended could not send its exit code; a shell gives 128 and the signal's number.
        return int(last) if last else 128 + ended_by[-1]


def _read_at_import(environment: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in environment.items() if key.startswith(READ_AT_IMPORT)}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2])
    else:
        sys.exit(run(sys.argv[1:]))
