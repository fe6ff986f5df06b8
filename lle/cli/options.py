"""Options that several commands take."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from lle.project import Project

SETTINGS = Path("params.yaml")
PATH = click.Path(path_type=Path)

params_file = click.option("--params", "path", type=PATH, default=SETTINGS, show_default=True, help="Settings.")
ENGINE = click.option(
    "--engine",
    type=click.Choice(["ray", "slurm"]),
    help="Run the jobs side by side on a cluster: by Ray, or in SLURM's queue (extra `ray`).",
)
store = click.option("--uri", help="Tracking store; MLFLOW_TRACKING_URI or sqlite:///mlflow.db if left out.")


def with_project(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that choose and override settings, and gives the command the project that they make."""

    @functools.wraps(command)
    def run(*arguments: Any, path: Path, overrides: tuple[str, ...], **options: Any) -> Any:
        return command(*arguments, project=project(path, overrides), **options)

    override = click.option(
        "-S", "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting, as `dvc exp run -S` does."
    )
    return params_file(override(run))


def project(path: Path = SETTINGS, overrides: tuple[str, ...] = ()) -> Project:
    """Returns the project in the current folder."""
    from lle.project import Project

    found = Project(path, overrides)
    if overrides or path != SETTINGS:
        _ = found.params  # what was given and is wrong is told, also by commands that use no settings
    return found
