"""Rendering scenes: the sets of `lle.data.mine`, how they look and what they cost."""

from __future__ import annotations

from pathlib import Path

import click

from lle.cli.group import kept
from lle.cli.options import PATH

SIZE = (400, 600)


@click.group()
def render() -> None:
    """Render coal-mine scenes, or look at rendered ones."""


@render.command()
@click.option(
    "--scenes", type=click.IntRange(1), default=156, show_default=True, help="Number of scenes; 156 are 100 train, 16 val, 40 test."
)
@click.option("--seed", type=click.IntRange(0), default=13, show_default=True, help="Seed of the set.")
@click.option("--out", type=PATH, required=True, help="Folder of the set.")
@click.option("--height", type=click.IntRange(16), default=SIZE[0], show_default=True, help="Rows of a picture.")
@click.option("--width", type=click.IntRange(16), default=SIZE[1], show_default=True, help="Columns of a picture.")
@click.option("--samples", type=click.IntRange(4), default=48, show_default=True, help="Camera rays a pixel, a multiple of 4.")
def mine(scenes: int, seed: int, out: Path, height: int, width: int, samples: int) -> None:
    """Render the scenes of a set that are not finished yet (extra `render`)."""
    from lle.data.mine.run import render_set

    kept("Finished scenes are kept; the same command renders the rest.")
    render_set(scenes, seed, out, (height, width), samples)


@render.command()
@click.option("--seed", type=click.IntRange(0), default=13, show_default=True, help="Seed of the clips.")
@click.option("--out", type=PATH, required=True, help="Folder of the clips.")
def clips(seed: int, out: Path) -> None:
    """Render the frames of the test clips that are not finished yet (extra `render`)."""
    from lle.data.mine.video import render_clips

    kept("Finished frames are kept; the same command renders the rest.")
    render_clips(seed, out)


@render.command()
@click.option("--set", "folder", type=PATH, required=True, help="Folder of the set.")
@click.option("--frames", type=PATH, required=True, help="Folder of real frames (JPEG).")
@click.option("--out", type=PATH, required=True, help="JSON file to write.")
def compare(folder: Path, frames: Path, out: Path) -> None:
    """Compare statistics of a set with those of real frames."""
    from lle.data.mine.compare import compare as statistics
    from lle.files import write_json

    write_json(out, statistics(folder, frames))


@render.command()
@click.option("--set", "folder", type=PATH, required=True, help="Folder of the set.")
@click.option("--frames", type=PATH, help="Folder of real frames (JPEG) to show beside it.")
@click.option("--ids", help="Scenes to show, separated by commas; the first ten otherwise.")
@click.option("--out", type=PATH, required=True, help="WebP file to write.")
def sheet(folder: Path, frames: Path | None, ids: str | None, out: Path) -> None:
    """Write a picture of some scenes, beside real frames."""
    from lle.data.mine.compare import sheet as draw
    from lle.data.mine.store import finished

    draw(folder, frames, ids.split(",") if ids else finished(folder)[:10], out)


@render.command()
@click.option("--set", "folder", type=PATH, required=True, help="Folder of the set.")
@click.option("--seed", type=click.IntRange(0), default=13, show_default=True, help="Seed of the scenes that are tried.")
@click.option("--out", type=PATH, required=True, help="JSON file to write.")
def measure(folder: Path, seed: int, out: Path) -> None:
    """Measure cost and error of the renderer and the loss of storage (some minutes; extra `render`)."""
    from lle.data.mine import quality, run
    from lle.files import write_json

    result = {
        "renderer": quality.noise_and_cost((3, 2), seed, (200, 300), (8, 16, 32, 48, 96), 512),
        "storage": quality.storage_loss((3, 2, 7), seed, run.SIZE, run.SAMPLES),
        "set": quality.set_sizes(folder),
    }
    write_json(out, result)


COMMANDS: tuple[click.Command, ...] = (render,)
