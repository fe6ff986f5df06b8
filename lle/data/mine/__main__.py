"""`python -m lle.data.mine`: render a set, look at it, compare it with real frames."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from lle.data.mine import run, video
from lle.data.mine.store import finished
from lle.errors import LleError
from lle.files import write_json


@click.group()
def main() -> None:
    """Rendered coal-mine roadways."""


@main.command()
@click.option(
    "--scenes", type=click.IntRange(1), default=156, show_default=True, help="Number of scenes; 156 are 100 train, 16 val, 40 test."
)
@click.option("--seed", type=int, default=13, show_default=True, help="Seed of the set.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the set.")
@click.option("--height", type=click.IntRange(16), default=run.SIZE[0], show_default=True)
@click.option("--width", type=click.IntRange(16), default=run.SIZE[1], show_default=True)
@click.option("--samples", type=click.IntRange(4), default=run.SAMPLES, show_default=True, help="Camera rays a pixel, a multiple of 4.")
def render(scenes: int, seed: int, out: Path, height: int, width: int, samples: int) -> None:
    """Render what is not finished yet."""
    run.render_set(scenes, seed, out, (height, width), samples)


@main.command()
@click.option("--set", "folder", type=click.Path(path_type=Path), required=True, help="Folder of the set.")
@click.option("--frames", type=click.Path(path_type=Path), required=True, help="Folder of real frames (JPEG).")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON file to write.")
def compare(folder: Path, frames: Path, out: Path) -> None:
    """Compare statistics of the set with those of real frames."""
    from lle.data.mine.compare import compare as statistics

    write_json(out, statistics(folder, frames))


@main.command()
@click.option("--set", "folder", type=click.Path(path_type=Path), required=True, help="Folder of the set.")
@click.option("--frames", type=click.Path(path_type=Path), help="Folder of real frames (JPEG) to show beside it.")
@click.option("--ids", help="Scenes to show, separated by commas; the first ten otherwise.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="WebP file to write.")
def sheet(folder: Path, frames: Path | None, ids: str | None, out: Path) -> None:
    """Write a picture of some scenes, beside real frames."""
    from lle.data.mine.compare import sheet as draw

    draw(folder, frames, ids.split(",") if ids else finished(folder)[:10], out)


@main.command()
@click.option("--set", "folder", type=click.Path(path_type=Path), required=True, help="Folder of the set.")
@click.option("--seed", type=int, default=13, show_default=True, help="Seed of the scenes that are tried.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON file to write.")
def measure(folder: Path, seed: int, out: Path) -> None:
    """Measure cost and error of the renderer and the loss of storage (some minutes)."""
    from lle.data.mine import quality

    result = {
        "renderer": quality.noise_and_cost((3, 2), seed, (200, 300), (8, 16, 32, 48, 96), 512),
        "storage": quality.storage_loss((3, 2, 7), seed, run.SIZE, run.SAMPLES),
        "set": quality.set_sizes(folder),
    }
    write_json(out, result)


@main.command("video")
@click.option("--seed", type=int, default=13, show_default=True, help="Seed of the clips.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the clips.")
def render_video(seed: int, out: Path) -> None:
    """Render the frames of the test clips that are not finished yet."""
    video.render_clips(seed, out)


@main.command(hidden=True)
@click.option("--clip", type=click.Choice(list(video.CLIPS)), required=True)
@click.option("--numbers", required=True)
@click.option("--seed", type=int, required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--height", type=int, required=True)
@click.option("--width", type=int, required=True)
@click.option("--samples", type=int, required=True)
def frames(clip: str, numbers: str, seed: int, out: Path, height: int, width: int, samples: int) -> None:
    """Render frames of a clip in this process."""
    video.render_frames(clip, [int(number) for number in numbers.split(",")], seed, out, (height, width), samples)


@main.command(hidden=True)
@click.option("--numbers", required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def batch(numbers: str, out: Path) -> None:
    """Render scenes of a set in this process."""
    run.render_numbers([int(number) for number in numbers.split(",")], out)


if __name__ == "__main__":
    try:
        main(standalone_mode=False)
    except LleError as error:
        sys.exit(f"error: {error}")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        sys.exit(130)
