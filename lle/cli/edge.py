"""What runs elsewhere: exported files, and which of them is fastest here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lle.cli.group import kept
from lle.cli.options import PATH, with_project
from lle.cli.stages import benchmark

if TYPE_CHECKING:
    from lle.infer.description import Format, Precision
    from lle.project import Project
    from lle.results.backends import DeviceTime


class Size(click.ParamType[tuple[int, int] | None]):
    """`dynamic`, or height and width such as 400x600."""

    name = "dynamic|HxW"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int] | None:
        """Returns height and width, or None for `dynamic`."""
        if value == "dynamic":
            return None
        match = re.fullmatch(r"(\d+)x(\d+)", str(value))
        if match is None or min(int(match[1]), int(match[2])) < 16:
            self.fail(f"'{value}' is neither `dynamic` nor a height and width from 16 up, such as 400x600.", param, ctx)
        return int(match[1]), int(match[2])


@click.command()
@click.argument("model")
@click.option("--format", "format_", type=click.Choice(["onnx", "openvino", "torchscript"]), default="onnx", show_default=True)
@click.option("--precision", type=click.Choice(["fp32", "fp16", "bf16", "int8"]), default="fp32", show_default=True)
@click.option("--size", type=Size(), default="dynamic", show_default=True, help="Of the pictures, height x width.")
@click.option("-o", "--out", type=PATH, help="The file; build/exported/METHOD-PRECISION with the format's ending if left out.")
@click.option("--data", metavar="NAME", help="Prepared data set whose training and validation pictures int8 is made with.")
@with_project
def export(
    model: str, format_: Format, precision: Precision, size: tuple[int, int] | None, out: Path | None, data: str | None, project: Project
) -> None:
    """Write MODEL, a method's id or a model folder, as a file for other programs and `lle enhance`.

    The file takes and gives bytes (N x H x W x 3 RGB) and is written only if it gives what torch gives.
    """
    path, about = project.export(model, format_, precision, size, out, data)
    for found in about.parity:
        shape = "x".join(map(str, found.shape))
        click.echo(f"{shape}: at most {found.largest} of 255 levels from torch, {found.psnr:.1f} dB", err=True)
    if about.quantised is not None:
        lost = about.quantised
        click.echo(f"int8 loses {lost.loss_db:.3f} dB on {lost.validation} validation pictures of {lost.dataset}", err=True)
    click.echo(path)


@click.command()
@click.argument("model")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True, help="For each backend.")
@with_project
def tune(model: str, seconds: float, project: Project) -> None:
    """Find the fastest way to run MODEL on this machine, for `lle enhance --backend auto`."""
    found = project.tune(model, seconds)
    for time in found.times:
        what = f"{time.backend:19}  {time.threads} thread{'s' if time.threads != 1 else ' '}"
        click.echo(f"{what}  " + (f"-  {time.missing}" if time.ms is None else f"{time.ms:8.1f} ms"))
    click.echo(f"fastest at {found.size}: {found.backend}, {found.threads} thread{'s' if found.threads != 1 else ''}")


@benchmark.command()
@click.argument("methods", nargs=-1, metavar="[METHOD]...")
@click.option("--device", default="cuda", show_default=True, help="Of torch.")
@click.option("--batch", "batches", type=click.IntRange(1), multiple=True, default=(1, 16), show_default=True, help="Pictures at once.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True, help="For each cell.")
@with_project
def device(methods: tuple[str, ...], device: str, batches: tuple[int, ...], seconds: float, project: Project) -> None:
    """Measure METHODs, or the suite, on a GPU at 400x600: fp32, fp16, bf16, with and without torch.compile."""

    def show(name: str, cell: DeviceTime) -> None:
        what = f"{name:14}  {cell.precision}  {'compiled' if cell.compiled else 'eager':8}  {cell.batch:3} at once"
        click.echo(f"{what}  " + (f"-  {cell.missing}" if cell.ms is None else f"{cell.ms:8.2f} ms, {cell.ratio_to_sci} times SCI"))

    project.benchmark_device(methods, device, batches, seconds, show)


@benchmark.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--size", type=Size(), default="8000x12000", show_default=True, help="Of the picture, height x width.")
@with_project
def large(models: tuple[str, ...], size: tuple[int, int] | None, project: Project) -> None:
    """Measure the memory of `lle enhance` for one very large picture with each MODEL (minutes)."""
    if size is None:
        raise click.UsageError("--size takes a height and width here.")
    for name, one in project.benchmark_large(models, size).methods.items():
        click.echo(f"{name:14}  " + (f"-  {one.missing}" if one.peak_mb is None else f"at most {one.peak_mb:.0f} MB, {one.seconds:.0f} s"))


@click.command()
@click.argument("model")
@click.argument("addresses", nargs=-1, required=True, metavar="IN OUT [IN OUT]...")
@click.option("--only-dark", is_flag=True, help="Leave frames that are lit as they are.")
@click.option("--smooth", type=click.FloatRange(min=0), default=0.5, show_default=True, help="Seconds over which parameters are averaged.")
@click.option("--stall", type=click.FloatRange(min=0.1), default=20.0, show_default=True, help="Seconds without a frame before a restart.")
@click.option("--queue", type=click.IntRange(min=1), default=2, show_default=True, help="Frames that wait; older ones are dropped.")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="Of FFmpeg for IN, such as rtsp_transport=udp.")
@click.option("--port", type=click.IntRange(0, 65535), help="Serve Prometheus metrics at http://127.0.0.1:PORT/metrics.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="Stop after so long.")
@click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda, gpu (Intel, by OpenVINO), or auto.")
@click.option("--backend", type=click.Choice(["torch", "onnxruntime", "openvino", "auto"]), help="As for `lle enhance`.")
@click.option("--threads", type=click.IntRange(min=1), help="Of the processor.")
@with_project
def stream(
    model: str,
    addresses: tuple[str, ...],
    only_dark: bool,
    smooth: float,
    stall: float,
    queue: int,
    options: tuple[str, ...],
    port: int | None,
    seconds: float | None,
    device: str,
    backend: str | None,
    threads: int | None,
    project: Project,
) -> None:
    """Enhance live video from IN to OUT with MODEL, until it is stopped.

    IN is an address (rtsp://, rtmp://, http://, udp://, tcp://), a camera (/dev/video0) or a file; OUT an address or a new file.
    """
    from lle.errors import LleError
    from lle.infer.containers import WRITES, is_file
    from lle.infer.darkness import Gate
    from lle.infer.frames import Frames
    from lle.infer.stream import Camera
    from lle.infer.stream_run import run
    from lle.infer.stream_target import StreamSettings

    if len(addresses) % 2:
        raise click.UsageError("every IN needs an OUT.")
    pairs = list(zip(addresses[::2], addresses[1::2], strict=True))
    for source, target in pairs:
        if is_file(source) and not Path(source).is_file():
            raise LleError(f"{source} is no file. Name a video, a camera such as /dev/video0, or an address.")
        if is_file(target) and Path(target).exists():
            raise click.UsageError(f"{target} exists already; name another file.")
        if is_file(target) and Path(target).suffix.lower() not in (*WRITES, ".ts"):
            raise LleError(f"{target}: video cannot be written as that. Choose a name that ends in {', '.join((*WRITES, '.ts'))}.")
    settings = StreamSettings(stall, queue, options=dict(_key_value(option) for option in options))
    cameras = []
    for number, (source, target) in enumerate(pairs, 1):
        frames = Frames(project.enhancer(model, None, device, backend, threads), Gate() if only_dark else None, smooth)
        cameras.append(Camera(f"camera{number}", source, target, frames, settings))
    kept("The streams are closed; files are whole up to here.")
    for _, target in pairs:
        if is_file(target):
            Path(target).parent.mkdir(parents=True, exist_ok=True)
    run(cameras, lambda line: click.echo(line, err=True), port, seconds)
    if failed := [camera.failure for camera in cameras if camera.failure is not None]:
        raise LleError("\n".join(failed))


def _key_value(option: str) -> tuple[str, str]:
    key, given, value = option.partition("=")
    if not (key and given):
        raise click.UsageError(f"--option {option}: write KEY=VALUE.")
    return key, value


COMMANDS: tuple[click.Command, ...] = (export, tune, stream)
