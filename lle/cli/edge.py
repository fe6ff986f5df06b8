"""What runs elsewhere: exported files, and which of them is fastest here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lle.cli.group import kept
from lle.cli.options import PATH, with_project

if TYPE_CHECKING:
    from lle.infer.description import Format, Precision
    from lle.project import Project


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
        click.echo(f"{time.backend:12}  " + (f"-  {time.missing}" if time.ms is None else f"{time.ms:8.1f} ms"))
    click.echo(f"fastest at {found.size}: {found.backend}, {found.threads} thread{'s' if found.threads != 1 else ''}")


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
    from lle.infer.containers import is_file
    from lle.infer.darkness import Gate
    from lle.infer.frames import Frames
    from lle.infer.stream import Camera
    from lle.infer.stream_run import run
    from lle.infer.stream_target import StreamSettings

    if len(addresses) % 2:
        raise click.UsageError("every IN needs an OUT.")
    pairs = list(zip(addresses[::2], addresses[1::2], strict=True))
    for _, target in pairs:
        if is_file(target) and Path(target).exists():
            raise click.UsageError(f"{target} exists already; name another file.")
    settings = StreamSettings(stall, queue, options=dict(_key_value(option) for option in options))
    cameras = []
    for number, (source, target) in enumerate(pairs, 1):
        frames = Frames(project.enhancer(model, None, device, backend, threads), Gate() if only_dark else None, smooth)
        cameras.append(Camera(f"camera{number}", source, target, frames, settings))
    kept("The streams are closed; files are whole up to here.")
    run(cameras, lambda line: click.echo(line, err=True), port, seconds)


def _key_value(option: str) -> tuple[str, str]:
    key, given, value = option.partition("=")
    if not (key and given):
        raise click.UsageError(f"--option {option}: write KEY=VALUE.")
    return key, value


COMMANDS: tuple[click.Command, ...] = (export, tune, stream)
