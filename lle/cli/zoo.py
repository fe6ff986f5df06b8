"""The weights that come with the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lle.cli.group import kept
from lle.cli.options import with_project

if TYPE_CHECKING:
    from lle.project import Project
    from lle.results.base import Score


@click.group(invoke_without_command=True)
@click.option("--match", "pattern", default="*", metavar="PATTERN", help="Only those whose name fits, such as '*dce*'.")
@click.pass_context
def zoo(context: click.Context, pattern: str) -> None:
    """List the trained weights that come with the package, show a card, or make such weights."""
    if context.invoked_subcommand is not None:
        return
    from lle.zoo import list_zoo, model

    names = list_zoo(pattern)
    for name in names:
        found = model(name)
        dataset, scores = next(iter(found.metrics.items()))
        mark = "  default" if found.default else ""
        size = f"{found.parameters / 1000:8.1f} k"
        click.echo(f"{name:14}  {found.method:12}  {size}  {found.licence:14}  {_psnr(scores.get('psnr'))} on {dataset}{mark}")
    if not names:
        click.echo("none; `lle zoo train NAME` and `lle zoo pack NAME` make some", err=True)


def _psnr(score: Score | None) -> str:
    if score is None or score.mean is None:
        return "no PSNR"
    return f"{score.mean:.2f} dB" + ("" if score.low is None else f" [{score.low:.2f}, {score.high:.2f}]")


@zoo.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Show the card of the weights NAME: what they learned from, licences, figures, and what they are bad at."""
    from lle.zoo import card

    click.echo(card(name).rstrip())


@zoo.command("train")
@click.argument("name")
@click.option("--live/--no-live", default=False, help="Show the training in MLflow while it runs.")
@with_project
def train(name: str, live: bool, project: Project) -> None:
    """Train the weights NAME of the section `zoo`, or resume their interrupted training (up to an hour on two cores)."""
    kept("The same command goes on at the last checkpoint.")
    click.echo(project.train_zoo(name, live))


@zoo.command("pack")
@click.argument("name")
@with_project
def pack(name: str, project: Project) -> None:
    """Measure the trained weights NAME, and put them with their card into the package."""
    found = project.pack_zoo(name)
    click.echo(f"{project.zoo_folder / name}: {found.bytes / 1e6:.2f} MB, {found.precision} precision")
    for dataset, scores in found.metrics.items():
        click.echo(f"{dataset}: {_psnr(scores.get('psnr'))}")
    for dataset, reason in found.missing.items():
        click.echo(f"{dataset}: left out: {reason}")


@zoo.command("evaluate")
@with_project
def evaluate(project: Project) -> None:
    """Measure all weights of the package again, as a stage of the pipeline does: reports/zoo."""
    for found in project.evaluate_zoo():
        click.echo(f"{found.method}  {found.dataset}  {_psnr(found.metrics['psnr'])}")


COMMANDS: tuple[click.Command, ...] = (zoo,)
