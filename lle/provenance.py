"""Where a number comes from: code, data, settings, machine and library versions."""

from __future__ import annotations

import functools
import importlib.metadata
import logging
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

LOG = logging.getLogger(__name__)
LIBRARIES = (
    "torch",
    "lightning",
    "numpy",
    "scipy",
    "opencv-python-headless",
    "pillow",
    "timm",
    "pyiqa",
    "open_clip_torch",
    "segmentation-models-pytorch",
    "mlflow",
    "dvc",
)


def provenance(**fields: Any) -> dict[str, Any]:
    """Returns the given fields with the commit, hardware and library versions added; plain data for JSON.

    Args:
        fields: `config_hash`, `data_digest`, `fingerprint`, `seed`, `command` and the like; None where there is none.
    """
    return {**fields, "git": git_commit(), "hardware": hardware(), "versions": versions()}


@functools.cache
def git_commit(folder: Path | None = None) -> str | None:
    """Returns the commit of the checkout, with `-dirty` when tracked code differs from it, or None outside of one."""
    where = folder or Path.cwd()

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(["git", *arguments], cwd=where, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return None
        if "dubious ownership" in done.stderr:
            LOG.warning(
                "git does not read this checkout, because it belongs to another user: results will name no commit. Allow it with "
                "`git config --global --add safe.directory %s`.",
                where,
            )
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    # Reports and the lock file change while a pipeline runs; only code and settings make a result another one.
    watched = ("--untracked-files=no", "--", "lle", "pipelines", "params.yaml", "constraints.txt")
    changed = git("status", "--porcelain", *watched) if commit else None
    return f"{commit}-dirty" if changed else commit


@functools.cache
def _hardware(threads: int | None) -> dict[str, Any]:
    accelerator = instructions = None
    if threads is not None:
        import torch

        accelerator = torch.cuda.get_device_name() if torch.cuda.is_available() else None
        instructions = torch.backends.cpu.get_cpu_capability()
        # What convolutions run with: torch does not know of oneDNN's limit, which makes another machine of this one.
        if limit := os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA"):
            instructions += f", oneDNN {limit.upper()}"
    return {"cpu": _cpu(), "cores": os.cpu_count(), "instructions": instructions, "threads": threads, "accelerator": accelerator}


def hardware() -> dict[str, Any]:
    """Returns the processor's name, cores and instruction set (as torch uses it), this process's arithmetic threads, the accelerator."""
    torch = sys.modules.get("torch")
    return dict(_hardware(torch.get_num_threads() if torch is not None else None))


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the installed libraries that can change a number."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@functools.cache
def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
