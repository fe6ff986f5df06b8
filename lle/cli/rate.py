"""User studies: people compare pictures of methods, not knowing which is which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lle.cli.options import PATH, with_project

if TYPE_CHECKING:
    from lle.project import Project


@click.group()
def rate() -> None:
    """Have people compare methods by blinded pairs of pictures, and score their answers."""


@rate.command("page")
@click.argument("methods", nargs=-1, metavar="[METHOD]...")
@click.argument("pictures")
@click.option("--folder", "folders", multiple=True, metavar="NAME=FOLDER", help="Pictures that NAME enhanced elsewhere; may be repeated.")
@click.option("-o", "--out", type=PATH, help="Folder for the page and its key; build/rate/PICTURES if left out.")
@click.option("--count", type=click.IntRange(1), default=12, show_default=True, help="Pictures, spread evenly over the set.")
@click.option("--pairs", type=click.IntRange(1), default=40, show_default=True, help="That a rater is shown.")
@click.option("--raters", type=click.IntRange(1, 999), default=30, show_default=True, help="Each has an order of their own.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of order, sides and codes.")
@click.option("--side", type=click.IntRange(64), default=960, show_default=True, help="Pixels of a picture's longer side.")
@click.option("--quality", type=click.IntRange(1, 100), default=92, show_default=True, help="Of the pictures, WebP.")
@click.option("--question", help="What raters are asked.")
@click.option("--force", is_flag=True, help="Replace another form; its answers cannot be scored any more.")
@with_project
def page(
    methods: tuple[str, ...],
    pictures: str,
    folders: tuple[str, ...],
    out: Path | None,
    count: int,
    pairs: int,
    raters: int,
    seed: int,
    side: int,
    quality: int,
    question: str | None,
    force: bool,
    project: Project,
) -> None:
    """Make one HTML file on which people compare METHODs on PICTURES, a data set or a folder of dark pictures.

    It needs no network. Give it to raters with a number each; keep key.json, which says which code is which method.
    """
    from lle.rate.form import QUESTION, Design

    design = Design(count, pairs, raters, seed, side, quality, question or QUESTION)
    for path in project.rate_form(methods, pictures, dict(map(_folder, folders)), design, out, force):
        click.echo(path)


def _folder(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise click.BadParameter(f"'{text}' is not NAME=FOLDER, such as theirs=results/theirs", param_hint="--folder")
    return name, Path(path)


@rate.command("scores")
@click.argument("files", nargs=-1, required=True, type=PATH, metavar="CSV...")
@click.option("--key", type=PATH, help="The form's key.json; looked for in build/rate if left out.")
@with_project
def scores(files: tuple[Path, ...], key: Path | None, project: Project) -> None:
    """Score the methods from the answers in the files CSV: reports/rate, which `lle report` shows."""
    found = project.rate_scores(files, key)
    click.echo(f"{found.answers} answers of {found.raters} raters about {found.pictures} pictures: {found.question}")
    for one in found.methods:
        interval = "" if one.low is None else f"  [{one.low:+.2f}, {one.high:+.2f}]"
        click.echo(f"{one.method:18}  {one.score:+.2f}{interval}  preferred in {one.won:.0%} of {one.answers}")


COMMANDS: tuple[click.Command, ...] = (rate,)
