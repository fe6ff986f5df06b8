"""Asking git."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lle.errors import LleError


def git(folder: Path, *arguments: str) -> str:
    """Runs a git command and returns what it prints, without the white space around it.

    Args:
        folder: inside a checkout.
        arguments: such as `rev-parse`, `HEAD`.

    Raises:
        LleError: git is not installed, or the command failed.
    """
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise LleError("git is not installed, and this needs the history of the project.") from error
    if done.returncode:
        raise LleError(f"git {arguments[0]} failed in {folder}: {done.stderr.strip() or 'no message'}")
    return done.stdout.strip()
