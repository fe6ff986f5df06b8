"""Enhancing pictures and videos."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lle.cli.cluster import enhance_on_ray
from lle.cli.group import kept, show_progress
from lle.cli.options import with_project

if TYPE_CHECKING:
    from lle.infer.video import Progress
    from lle.project import Project


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[MODEL] INPUTS...")
@click.option("-o", "--out", required=True, help="Folder for the results; for a single input also a name: result.jpg, result.mp4.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@click.option("--skip-existing", is_flag=True, help="Leave out inputs whose result exists; goes on after an interruption.")
@click.option(
    "--format", "format_", type=click.Choice(["png", "jpg", "webp", "tiff"]), default="png", show_default=True, help="Of pictures."
)
@click.option("--quality", type=click.IntRange(1, 100), default=95, show_default=True, help="Of JPEG and WebP.")
@click.option("--eight-bits", is_flag=True, help="Write 8 bits a channel also where the input has 16.")
@click.option("--strength", type=click.FloatRange(0, 2), default=1.0, show_default=True, help="0 leaves pictures as they are.")
@click.option("--brightness", type=click.FloatRange(0.1, 10), default=1.0, show_default=True, help="Of the results; above 1 brightens.")
@click.option("--compare", "strips", is_flag=True, help="Also write a before/after strip beside each result.")
@click.option("--only-dark", is_flag=True, help="Leave what is lit already as it is.")
@click.option("--smooth", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="Videos: average estimated parameters over.")
@click.option("--crf", type=click.IntRange(0, 51), default=18, show_default=True, help="Videos: quality of H.264, 0 is lossless.")
@click.option("--tile", type=click.IntRange(min=64), help="Side of tiles; chosen for large pictures if left out.")
@click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda, gpu (Intel, by OpenVINO), or auto.")
@click.option(
    "--backend", type=click.Choice(["torch", "onnxruntime", "openvino", "auto"]), help="What runs MODEL; auto is what `lle tune` found."
)
@click.option("--threads", type=click.IntRange(min=1), help="Of the processor; with --engine of each worker, then 1 if left out.")
@click.option(
    "--engine", type=click.Choice(["ray"]), help="Work on a Ray cluster (extra `ray`); INPUTS and OUT may be addresses such as s3://..."
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes on the cluster; as many as it has room for if left out.")
@with_project
def enhance(
    words: tuple[str, ...],
    out: str,
    force: bool,
    skip_existing: bool,
    format_: str,
    quality: int,
    eight_bits: bool,
    strength: float,
    brightness: float,
    strips: bool,
    only_dark: bool,
    smooth: float,
    crf: int,
    tile: int | None,
    device: str,
    backend: str | None,
    threads: int | None,
    engine: str | None,
    workers: int | None,
    project: Project,
) -> None:
    """Enhance pictures, folders of pictures and videos with MODEL, a method's id, a model folder or an exported file.

    Without MODEL, the default of the weights that come with the package is taken: `lle zoo` lists them.
    """
    from lle.cluster.place import is_address
    from lle.errors import DataError
    from lle.infer.adjust import Adjust
    from lle.infer.containers import is_video
    from lle.infer.darkness import Gate
    from lle.infer.files import Output, enhance_paths
    from lle.infer.video import VideoOutput, enhance_videos, plan_videos

    model, names = _model_first(words)
    gate = Gate() if only_dark else None
    adjust = Adjust(strength, brightness)
    output = Output(f".{format_}", quality, eight_bits, adjust, strips, gate)
    if engine is not None:
        packed = project.packed_model(model, tile, device, backend, threads)
        enhance_on_ray(project, packed, names, out, output, workers, force, skip_existing)
        return
    if workers is not None:
        raise click.UsageError("--workers counts processes on a cluster: add --engine ray.")
    if addresses := [word for word in (*names, out) if is_address(word)]:
        raise DataError(f"{addresses[0]} is an address, which only --engine ray reads and writes. Name a path, or add it.")
    inputs, place = tuple(map(Path, names)), Path(out)
    videos = [path for path in inputs if is_video(path) and not path.is_dir()]
    pictures = [path for path in inputs if path not in videos]
    if pictures and is_video(place):
        raise DataError(f"{out} names a video, but there are pictures among the inputs. Name a folder.")
    plan = plan_videos(videos, place, force, skip_existing) if videos else []
    enhancer = project.enhancer(model, tile, device, backend, threads)
    if enhancer.source not in ("", str(model)):
        click.echo(f"{enhancer.name}: {enhancer.source}", err=True)
    start = time.perf_counter()

    def done(number: int, total: int, _: Path) -> None:
        kept(f"{number} of {total} pictures are done, those in {out} are whole; --skip-existing goes on, --force replaces them.")
        show_progress(number, total, "pictures", start)

    if pictures:
        for written in enhance_paths(enhancer, pictures, place, force, done, output, skip_existing):
            click.echo(written)
    if plan:
        kept("Videos that are finished are whole, of the others there is no file; --skip-existing goes on with them.")
        progress = _VideoProgress()
        for video in enhance_videos(enhancer, plan, VideoOutput(gate, smooth, crf, adjust=adjust), progress):
            lit = f", of which {video.lit} are lit and as they were" if only_dark else ""
            click.echo(f"{video.target}: {video.frames} frames{lit}")


class _VideoProgress:
    """Shows how far a video is, a few times a second."""

    def __init__(self) -> None:
        self.source: Path | None = None
        self.start = self.shown = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.perf_counter()
        if progress.source != self.source:
            self.source, self.start = progress.source, now
        elif now - self.shown > 0.2 or progress.frames == progress.total:
            self.shown = now
            show_progress(progress.frames, progress.total, "frames", self.start)


def _model_first(words: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    """Tells the model from the inputs: the first word is one, unless it is a picture, a video or a folder of pictures."""
    from lle import registry, zoo
    from lle.cluster.place import is_address
    from lle.data.images import SUFFIXES
    from lle.engine.model_io import DESCRIPTION
    from lle.infer.containers import is_video

    first, path = words[0], Path(words[0])
    if first not in registry.packages() and first not in zoo.list_zoo():
        model = (path / DESCRIPTION).is_file()
        pictures = path.is_dir() and not model and any(one.suffix.lower() in SUFFIXES for one in path.rglob("*"))
        if path.suffix.lower() in SUFFIXES or is_video(path) or pictures or is_address(first):
            return None, words
    if len(words) == 1:
        raise click.UsageError(f"name the pictures behind the model '{first}', or a picture alone.")
    return first, words[1:]


COMMANDS: tuple[click.Command, ...] = (enhance,)
