"""The worker processes of `lle render`: each renders a few scenes or frames and ends (see `lle.data.mine.run`)."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from lle.data.mine import run, video
from lle.errors import LleError


@click.group()
def main() -> None:
    """Worker processes of `lle render`."""


@main.command()
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


@main.command()
@click.option("--numbers", required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def batch(numbers: str, out: Path) -> None:
    """Render scenes of a set in this process."""
    run.render_numbers([int(number) for number in numbers.split(",")], out)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        main(standalone_mode=False)
    except LleError as error:
        sys.exit(f"error: {error}")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        sys.exit(130)
