"""What becomes of results: the report, the gate, MLflow, a result made again."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from lle.cli.options import PATH, project, store


@click.command()
def report() -> None:
    """Build reports/leaderboard.md and reports/index.html from the results in reports/."""
    for written in project().report():
        click.echo(written)


@click.command()
@click.option("--accept", metavar="REASON", help="Make the committed results the accepted ones; the reason is kept.")
@click.option("--junit", type=PATH, help="Write a JUnit XML report.")
@click.option("--markdown", type=PATH, help="Write a summary for a pull request.")
@click.option("--against", metavar="REVISION|FOLDER", help="Results to compare with; the accepted revision if left out.")
@click.option("--tolerance", "tolerances", multiple=True, metavar="METRIC=VALUE", help="How much worse the mean of a metric may be.")
@click.option("--latency", type=float, metavar="FACTOR", help="How many times as long a method may take.")
def gate(
    accept: str | None,
    junit: Path | None,
    markdown: Path | None,
    against: str | None,
    tolerances: tuple[str, ...],
    latency: float | None,
) -> None:
    """Compare the results with the accepted ones; exit with 1 if any got worse."""
    if accept is not None:
        click.echo(f"accepted in {project().accept(accept)}; commit it")
        return
    verdict = project().gate(against, dict(map(_tolerance, tolerances)), latency)
    if junit is not None:
        verdict.write_junit(junit)
    if markdown is not None:
        verdict.write_markdown(markdown)
    click.echo(verdict)
    sys.exit(verdict.exit_code)


def _tolerance(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError as error:
        raise click.BadParameter(f"'{text}' is not METRIC=NUMBER, such as psnr=0.5", param_hint="--tolerance") from error


@click.command()
@click.argument("method")
@store
def promote(method: str, uri: str | None) -> None:
    """Make the model of METHOD its champion in MLflow, if the gate lets it pass."""
    click.echo(project().promote(method, uri))


@click.command()
@click.argument("metrics", type=PATH)
@click.option("--before", multiple=True, metavar="COMMAND", help="Run first, instead of the recorded commands; may be repeated.")
@click.option("--tolerance", type=float, default=0.0, show_default=True, help="Relative difference that counts as equal.")
def reproduce(metrics: Path, before: tuple[str, ...], tolerance: float) -> None:
    """Run the commands behind the file METRICS again in a clean working tree, data and training included, and compare."""
    result = project().reproduce(metrics, before, tolerance)
    click.echo(result)
    sys.exit(result.exit_code)


@click.group()
def mlflow() -> None:
    """Work with the MLflow store."""


@mlflow.command()
@store
def sync(uri: str | None) -> None:
    """Bring the MLflow store up to date with the results in reports/ and build/models/."""
    click.echo(project().sync(uri))


@mlflow.command()
@store
def runs(uri: str | None) -> None:
    """List the current runs: the experiment and name that results give, and the id in this store."""
    for run in project().runs(uri):
        click.echo(f"{run.run_id}  {run.experiment}/{run.name}")


COMMANDS: tuple[click.Command, ...] = (report, gate, promote, reproduce, mlflow)
