"""Serving models over HTTP, and measuring the service under load."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lle.cli.group import kept
from lle.cli.options import PATH, with_project
from lle.cli.stages import SEED, benchmark, end_with

if TYPE_CHECKING:
    from lle.project import Project


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; 0.0.0.0 is all of them.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option("--keys-file", type=PATH, help="API keys, one a line; else those of the environment variable LLE_SERVE_KEYS.")
@click.option("--max-bytes", type=click.IntRange(1), default=32_000_000, show_default=True, help="Of a request.")
@click.option("--max-pixels", type=click.IntRange(256), default=24_000_000, show_default=True, help="Of a request's pictures together.")
@click.option("--max-pictures", type=click.IntRange(1), default=16, show_default=True, help="In a batch.")
@click.option("--queue", type=click.IntRange(1), default=16, show_default=True, help="Requests that are in the service at once.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=60.0, show_default=True, help="For a request's answer.")
@click.option("--batch", type=click.IntRange(1, 64), default=1, show_default=True, help="Pictures of several requests in one call.")
@click.option("--batch-ms", type=click.FloatRange(0), default=3.0, show_default=True, help="Time to wait for another picture.")
@click.option("--tile", type=click.IntRange(min=64), help="Side of tiles; chosen for large pictures if left out.")
@click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda, gpu (Intel, by OpenVINO), or auto.")
@click.option("--threads", type=click.IntRange(min=1), help="Of the processor, for each call of a model.")
@with_project
def serve(
    models: tuple[str, ...],
    host: str,
    port: int,
    keys_file: Path | None,
    max_bytes: int,
    max_pixels: int,
    max_pictures: int,
    queue: int,
    seconds: float,
    batch: int,
    batch_ms: float,
    tile: int | None,
    device: str,
    threads: int | None,
    project: Project,
) -> None:
    """Serve MODELs (methods' ids, model folders, exported files) over HTTP, with a page for browsers.

    The first MODEL is that of requests that name none.
    """
    from lle.serve.settings import Batching, Limits

    kept("Every request that had been taken was answered.")
    limits = Limits(max_bytes, max_pixels, max_pictures, queue, seconds)
    project.serve(models, host, port, keys_file, limits, Batching(batch, batch_ms / 1000), tile, device, threads, click.echo)


@benchmark.command("serve")
@click.argument("model", default="unet")
@click.option("--seconds", type=click.FloatRange(min=2), default=600.0, show_default=True, help="Length of the load.")
@click.option("--load", type=click.FloatRange(0, min_open=True), default=2.0, show_default=True, help="As a multiple of what MODEL can do.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of MODEL.")
@click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="See `lle serve`.")
@SEED
@with_project
def benchmark_serve(model: str, seconds: float, load: float, threads: int, batch: int, seed: int, project: Project) -> None:
    """Put mixed load on `lle serve MODEL`: good pictures, broken ones, too large ones, clients that go away."""
    found = project.benchmark_serve(model, seconds, load, threads, batch, seed)
    click.echo(f"answers: {', '.join(f'{count} of {status}' for status, count in found.answers.items())}")
    click.echo(f"enhanced: median {found.median_s:.3f} s, 99 % within {found.p99_s:.3f} s")
    click.echo(f"throughput: {found.throughput:.3g} megapixels/s, {found.share:.1%} of the model in a loop")
    click.echo(f"the model was at work for {found.busy:.1%} of the time")
    click.echo(f"memory: {found.memory.early_mb:.0f} MB early, {found.memory.growth_mb:+.1f} MB, at most {found.memory.peak_mb:.0f} MB")
    end_with(found.faults)


COMMANDS: tuple[click.Command, ...] = (serve,)
