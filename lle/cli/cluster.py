"""Pictures on a Ray cluster, and measuring that."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from lle.cli.group import kept, show_progress
from lle.cli.options import with_project
from lle.cli.stages import benchmark

if TYPE_CHECKING:
    from lle.cluster.manifest import Line
    from lle.cluster.model import PackedModel
    from lle.infer.files import Output
    from lle.project import Project


def enhance_on_ray(
    project: Project,
    model: PackedModel,
    inputs: Sequence[str],
    out: str,
    output: Output,
    workers: int | None,
    force: bool,
    skip_existing: bool,
) -> None:
    """Does what `lle enhance --engine ray` does, see `lle.project.Project.enhance_on_ray`."""
    from lle.cluster.place import Place

    kept("The results that are there are whole: the same command goes on.")
    start = time.perf_counter()

    def on_line(number: int, total: int, _: Line) -> None:
        show_progress(number, total, "pictures", start)

    done = project.enhance_on_ray(model, inputs, out, output, workers, force, skip_existing, on_line)
    click.echo(f"{out}: {done.written} pictures written, {done.found} were there, {done.failed} failed; each has a line in _manifest")
    done.require_whole(Place(out))


@benchmark.command("ray")
@click.argument("model", default="unet")
@click.option("--pictures", type=click.IntRange(min=8), default=200, show_default=True, help="For each process.")
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Processes.")
@with_project
def benchmark_ray(model: str, pictures: int, workers: int, project: Project) -> None:
    """Measure MODEL on a local Ray cluster against plain processes, and write reports/benchmarks/ray.json (minutes)."""
    found = project.benchmark_ray(model, pictures, workers)
    click.echo(f"one process:   {found.alone:.3g} pictures/s, on Ray {found.ray_alone:.3g}: {found.overhead_ms:+.2g} ms a picture")
    click.echo(f"{found.workers} processes:   {found.together:.3g} pictures/s, on Ray {found.ray_together:.3g}: {found.share:.1%}")
    click.echo(f"scaling:       {found.scaling:.3g} times one process of Ray; started in {found.start_s:.3g} s")
    if found.others is not None:
        click.echo(f"other programs took {found.others:.0%} of the cores")
