"""What is measured on video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lle.cli.options import PATH, with_project
from lle.cli.stages import benchmark

if TYPE_CHECKING:
    from lle.project import Project


@click.command()
@click.argument("methods", nargs=-1, required=True, metavar="METHOD...")
@click.argument("dataset")
@click.option("--smooth", type=click.FloatRange(min=0, min_open=True), default=0.5, show_default=True, help="Seconds, where it can be.")
@with_project
def flicker(methods: tuple[str, ...], dataset: str, smooth: float, project: Project) -> None:
    """Measure how much METHOD flickers on clips with known motion, made from test pictures of DATASET.

    METHOD may also be `input`, the frames as they are, or `suite`: that and every method of the suite.
    """
    for name in dict.fromkeys(one for method in methods for one in (project.flickers() if method == "suite" else (method,))):
        found = project.flicker(name, dataset, smooth)
        line = f"{name:14}  warping error {found.alone.warping:.2f} levels, mean {found.alone.mean_sd:.3f}, {found.psnr_alone:.2f} dB"
        if found.smoothed is not None:
            line += f"; smoothed {found.smoothed.warping:.2f}, {found.smoothed.mean_sd:.3f}, {found.psnr_smoothed:.2f} dB"
        click.echo(line)


@benchmark.command()
@click.argument("dataset")
@click.option("--frames", type=PATH, help="Folder of real frames (.jpg) that are judged, too.")
@with_project
def darkness(dataset: str, frames: Path | None, project: Project) -> None:
    """Choose the threshold of the darkness gate on validation pairs of DATASET, and measure the one in use (--only-dark)."""
    found = project.benchmark_darkness(dataset, frames)
    for name, one in found.tried.items():
        click.echo(f"{name:12}  {one.balanced_error:.2%} wrong below {one.threshold:.4g}{'  best' if name == found.statistic else ''}")
    for split, told in found.splits.items():
        click.echo(f"{split}: {told.dark_missed} of {told.dark} dark pictures missed, {told.lit_touched} of {told.lit} lit ones touched")
    if found.frames:
        click.echo(f"{found.frames_dark} of {len(found.frames)} real frames are dark")
    click.echo(f"in use: {found.used['statistic']} below {found.used['threshold']}")


@benchmark.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--frames", type=click.IntRange(10), default=150, show_default=True, help="Of the clip.")
@click.option("--seconds", type=click.FloatRange(0), default=15.0, show_default=True, help="For which a camera is watched.")
@with_project
def video(models: tuple[str, ...], frames: int, seconds: float, project: Project) -> None:
    """Measure MODELs on a synthetic clip of 640x360, from file to file, and on a synthetic camera, from lens to screen."""
    for name, one in project.benchmark_video(models, frames, seconds).methods.items():
        delays = one.delays.items()
        seen = "".join(f"; RTSP to {to}: median {delay.median_ms:.0f} ms, 95 % within {delay.p95_ms:.0f} ms" for to, delay in delays)
        click.echo(f"{name:14}  {one.frames_per_s:.1f} frames/s{seen}")


@benchmark.command()
@click.argument("model")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), default=30.0, show_default=True, help="For how long.")
@with_project
def live(model: str, minutes: float, project: Project) -> None:
    """Stream a synthetic camera that stalls, changes size, sends corrupt packets and goes away, through MODEL."""
    found = project.benchmark_live(model, minutes, lambda line: click.echo(line, err=True))
    counted = ", ".join(f"{value} {name}" for name, value in found.counters.items())
    click.echo(f"{found.filmed} frames filmed: {counted}")
    click.echo(f"delay in the process: median {found.latency_median_ms:.0f} ms, 99 % within {found.latency_p99_ms:.0f} ms")
    click.echo(f"longest gap while the camera sent: {found.longest_gap_s:.1f} s")
    click.echo(f"memory: {found.memory.early_mb:.0f} MB early, {found.memory.late_mb:.0f} MB late, at most {found.memory.peak_mb:.0f} MB")


COMMANDS: tuple[click.Command, ...] = (flicker,)
