"""The command line as a whole: which commands there are, and in what order the help shows them."""

from __future__ import annotations

import logging

import click

from lle.cli import direct, edge, enhancing, publishing, rate, render, serving, stages, video, zoo
from lle.cli.group import Sections

SECTIONS = {
    "Commands": (
        "enhance",
        "train",
        "evaluate",
        "compare",
        "stream",
        "export",
        "serve",
        "fetch",
        "methods",
        "zoo",
        "datasets",
        "weights",
        "config",
        "doctor",
        "render",
    ),
    "Results": ("report", "gate", "promote", "reproduce", "mlflow"),
    "Measurements and stages of the pipeline": (
        "profile",
        "costs",
        "judge",
        "segment",
        "read",
        "rate",
        "flicker",
        "simulate",
        "study",
        "clip",
    ),
}


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        import lle

        click.echo(f"lle, version {lle.__version__}")
        context.exit()


@click.group(cls=Sections, sections=SECTIONS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version and exit.")
@click.option("-v", "--verbose", is_flag=True, help="Say more about what went wrong.")
def main(verbose: bool) -> None:
    """Train, compare and deploy low-light image enhancement methods."""
    if verbose:
        logging.getLogger("lle").setLevel(logging.DEBUG)


for _module in (direct, edge, enhancing, publishing, stages, rate, render, serving, video, zoo):
    for _command in _module.COMMANDS:
        main.add_command(_command)
