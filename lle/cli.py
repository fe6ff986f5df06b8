"""The command `lle`. Each command is a few lines over a function of `lle.api`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from lle import api
from lle.errors import LleError

PATH = click.Path(path_type=Path)


class Commands(click.Group):
    """Prints errors that a person can act on without a traceback, and exits with 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command."""
        try:
            return super().invoke(ctx)
        except LleError as error:
            raise click.ClickException(str(error)) from error


params_file = click.option("--params", "path", type=PATH, default=api.PARAMS, show_default=True, help="Settings.")


def settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that choose and override settings."""
    command = click.option(
        "-S", "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting, as `dvc exp run -S` does."
    )(command)
    return params_file(command)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="lle-suite", prog_name="lle")
def main() -> None:
    """Train, compare and deploy low-light image enhancement methods."""


@main.command()
def methods() -> None:
    """List the methods."""
    rows = api.methods()
    width = max(len(name) for name, _, _ in rows)
    for name, title, supervision in rows:
        click.echo(f"{name:{width}}  {supervision:14}  {title}")


@main.command()
@click.argument("method")
@settings
def train(method: str, path: Path, overrides: tuple[str, ...]) -> None:
    """Train METHOD, or resume its interrupted training."""
    click.echo(api.train(method, path, overrides))


@main.group(invoke_without_command=True)
@settings
@click.pass_context
def clip(context: click.Context, path: Path, overrides: tuple[str, ...]) -> None:
    """Train the small CLIP that guides methods where no other is on disk, or measure what one knows."""
    if context.invoked_subcommand is None:
        report = api.train_clip(path, overrides)
        click.echo(
            f"build/clip in {report['seconds']} s, {report['retrieval_top1']:.1%} of held-out pictures get their own light's caption"
        )


@clip.command("darkness")
@click.argument("dataset")
@settings
def clip_darkness(dataset: str, path: Path, overrides: tuple[str, ...]) -> None:
    """Measure how well the CLIP of clip_isp tells dark from lit pictures of DATASET, by texts alone."""
    found = api.clip_darkness(dataset, path, overrides)
    if found is None:
        click.echo(f"skipped: build/data/{dataset} does not exist. Prepare it first: lle fetch {dataset}")
    else:
        dark, lit = f"{found['accuracy_dark']:.1%} of the dark", f"{found['accuracy_lit']:.1%} of the lit"
        click.echo(f"{found['accuracy']:.1%} of {found['images']} pictures, {dark}, {lit}")


@clip.command("cost")
@click.argument("method")
def clip_cost(method: str) -> None:
    """Time a step of METHOD at 224 pixels against the CLIP image tower and the network, forward and backward."""
    click.echo(f"{api.clip_cost(method)['ratio']:.2f} times CLIP and network alone")


@clip.command("prompts")
@click.argument("method")
def clip_prompts(method: str) -> None:
    """Look at what the prompts of METHOD learned: r(i) against exposure, before and after refinement."""
    found = api.clip_prompts(method)
    for when, monotone in found["monotone"].items():
        click.echo(f"{when} refinement: {'rises monotonically with exposure' if monotone else 'not monotone'}")


@main.command()
@click.argument("method")
@click.argument("dataset")
@settings
def evaluate(method: str, dataset: str, path: Path, overrides: tuple[str, ...]) -> None:
    """Measure METHOD, or `input`, on the test split of DATASET."""
    result = api.evaluate(method, dataset, path, overrides)
    for name, cell in result["metrics"].items():
        value = f"{cell['mean']:.4g}  [{cell['low']:.4g}, {cell['high']:.4g}]" if cell["mean"] is not None else f"-  {cell['missing']}"
        click.echo(f"{name:14}  {value}")


def _mean_iou(result: dict[str, Any]) -> str:
    cells = [f"{name}: {value:.3f}" if value is not None else f"{name}: -" for name, value in result["iou"].items()]
    means = [f"{key}: {cell['mean']:.4f}  [{cell['low']:.4f}, {cell['high']:.4f}]" for key, cell in result["mean_iou"].items()]
    return "\n".join([", ".join(cells), *(f"mean IoU, {text}" for text in means)])


@main.command()
@click.argument("dataset")
@settings
def judge(dataset: str, path: Path, overrides: tuple[str, ...]) -> None:
    """Train the segmentation network that judges pictures of DATASET, on clean pictures only."""
    click.echo(_mean_iou(api.judge(dataset, path, overrides)))


@main.command()
@click.argument("method")
@click.argument("dataset")
@settings
def segment(method: str, dataset: str, path: Path, overrides: tuple[str, ...]) -> None:
    """Segment darkened test pictures of DATASET after METHOD has enhanced them; or as they are (`dark`), or undarkened (`clean`).

    `suite` does all of that: both rows, and every method of the suite.
    """
    if method == "suite":
        api.segment_suite(dataset, path, overrides)
        return
    click.echo(_mean_iou(api.segment(method, dataset, path, overrides)))


@main.command()
@click.argument("name", required=False)
@settings
def study(name: str | None, path: Path, overrides: tuple[str, ...]) -> None:
    """Train and measure the variants of the study NAME; without a name, list the studies."""
    if name is None:
        for key, title in api.studies(path, overrides):
            click.echo(f"{key}  {title}")
        return
    result = api.study(name, path, overrides)
    for variant, row in result["variants"].items():
        for dataset, cells in row["results"].items():
            shown = {key: cells[key]["mean"] for key in ("psnr", "ssim") if cells[key]["mean"] is not None}
            click.echo(f"{variant}  {dataset}  " + "  ".join(f"{key} {value:.4g}" for key, value in shown.items()))
    for contrast in result["contrasts"]:
        outcome = contrast["verdict"] or contrast["missing"]
        click.echo(f"{contrast['better']} > {contrast['worse']} on {contrast['dataset']}: {outcome}")


@main.group()
def pipeline() -> None:
    """Write what the pipelines depend on."""


@pipeline.command("keys")
@settings
def pipeline_keys(path: Path, overrides: tuple[str, ...]) -> None:
    """Write build/keys: what every stage depends on, its code, its settings and its inputs."""
    click.echo(f"{len(api.write_keys(path, overrides))} keys")


@pipeline.command("write")
@params_file
def pipeline_write(path: Path) -> None:
    """Bring dvc.yaml up to date with the methods of the suite and with what they take from each other."""
    for written in api.write_pipeline(path):
        click.echo(written)


@main.command()
@settings
def costs(path: Path, overrides: tuple[str, ...]) -> None:
    """Count parameters and operations of every method; none has to be trained."""
    result = api.costs(path, overrides)
    for name, cost in result["methods"].items():
        counted = "-" if cost["macs"] is None else f"{cost['macs'] / 1e9:.4g}"
        click.echo(f"{name:14}  {cost['parameters']:10}  {counted:>8} GMACs at {result['size']}")


@main.command()
@click.argument("method")
@settings
def profile(method: str, path: Path, overrides: tuple[str, ...]) -> None:
    """Measure parameters, operations, latency and memory of METHOD."""
    result = api.profile(method, path, overrides)
    click.echo(f"{result['parameters']} parameters")
    for size, timing in result["latency_ms"].items():
        click.echo(f"{size}: {timing['median']:.1f} ms on {timing['threads']} threads")


@main.command()
@click.argument("method")
@click.argument("dataset")
@settings
def attention(method: str, dataset: str, path: Path, overrides: tuple[str, ...]) -> None:
    """Draw the attention maps by block of the student METHOD, and its teacher's, on a picture of DATASET."""
    result = api.attention(method, dataset, path, overrides)
    click.echo(f"{result['image']}: {result['student_blocks']} blocks of the student, {result['teacher_blocks']} of the teacher")


@main.command()
@settings
def composite(path: Path, overrides: tuple[str, ...]) -> None:
    """Measure the composite index of the distillation paper on pictures without references."""
    result = api.composite(path, overrides)
    for dataset, found in result["datasets"].items():
        for name, row in found.get("methods", {}).items():
            click.echo(f"{dataset}  {name:10}  {row['index']:.3f}")
        if "missing" in found:
            click.echo(f"{dataset}  -  {found['missing']}")
    for name, reason in result["missing_terms"].items():
        click.echo(f"without {name}: {reason}")


@main.command()
@settings
def throughput(path: Path, overrides: tuple[str, ...]) -> None:
    """Measure how fast Zero-DCE trains, and how fast its batches could be made."""
    for crop, speed in api.throughput(path, overrides)["crops"].items():
        click.echo(f"{crop}: {speed['training_images_per_s']} images/s trained, {speed['loader_images_per_s']} loaded")


@main.command()
@click.argument("model")
@click.argument("inputs", nargs=-1, required=True, type=PATH)
@click.option("-o", "--out", required=True, type=PATH, help="Folder for the results.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@click.option("--tile", type=click.IntRange(min=64), help="Side of tiles for large pictures; only for methods that look locally.")
@settings
def enhance(model: str, inputs: tuple[Path, ...], out: Path, force: bool, tile: int | None, path: Path, overrides: tuple[str, ...]) -> None:
    """Enhance pictures (files and folders) with MODEL, a method's id or a model folder."""
    for written in api.enhance(model, inputs, out, path, overrides, force, tile):
        click.echo(written)


@main.group()
def weights() -> None:
    """Bring in weights."""


@weights.command("import")
@click.argument("method")
@click.argument("files", nargs=-1, required=True, type=PATH)
@click.option("-o", "--out", type=PATH, help="Model folder; build/models/METHOD if left out.")
@settings
def weights_import(method: str, files: tuple[Path, ...], out: Path | None, path: Path, overrides: tuple[str, ...]) -> None:
    """Load the weights of METHOD's authors from FILES."""
    click.echo(api.import_weights(method, files, path, overrides, out))


@main.command()
@click.argument("dataset")
@click.option("--from", "source", type=PATH, help="Archive or folder that is already on disk, for a set of the catalog.")
@settings
def fetch(dataset: str, source: Path | None, path: Path, overrides: tuple[str, ...]) -> None:
    """Make, read or download DATASET: a section of `data`, or a set of the catalog."""
    click.echo(api.fetch(dataset, source, path, overrides))


@main.group(invoke_without_command=True)
@settings
@click.pass_context
def datasets(context: click.Context, path: Path, overrides: tuple[str, ...]) -> None:
    """List the data sets of params.yaml and of the catalog, or check a prepared one."""
    if context.invoked_subcommand is None:
        for name, place, title in api.datasets(path, overrides):
            click.echo(f"{name:18}  {place:8}  {title}")


@datasets.command("check")
@click.argument("dataset")
def check_dataset(dataset: str) -> None:
    """Look for orphans, duplicates across splits and misaligned pairs in a prepared DATASET."""
    findings = api.check_dataset(dataset)
    for line in findings:
        click.echo(line)
    if not findings:
        click.echo(f"{dataset}: nothing suspicious")
    sys.exit(1 if any(line.startswith("error") for line in findings) else 0)


@main.command()
def report() -> None:
    """Build reports/leaderboard.md and reports/index.html from the results in reports/."""
    for written in api.report():
        click.echo(written)


@main.group()
def mlflow() -> None:
    """Work with the MLflow store."""


@mlflow.command()
@click.option("--uri", help="Tracking store; MLFLOW_TRACKING_URI or sqlite:///mlflow.db if left out.")
def sync(uri: str | None) -> None:
    """Bring the MLflow store up to date with the results in reports/ and build/models/."""
    click.echo(api.sync(uri=uri))


@mlflow.command()
@click.option("--uri", help="Tracking store; MLFLOW_TRACKING_URI or sqlite:///mlflow.db if left out.")
def runs(uri: str | None) -> None:
    """List the current runs: the experiment and name that results give, and the id in this store."""
    for experiment, name, run_id in api.mlflow_runs(uri):
        click.echo(f"{run_id}  {experiment}/{name}")


@main.command()
@click.option("--accept", metavar="REASON", help="Make the committed results the accepted ones; the reason is kept.")
@click.option("--junit", type=PATH, help="Write a JUnit XML report.")
@click.option("--markdown", type=PATH, help="Write a summary for a pull request.")
@click.option("--against", metavar="REVISION|FOLDER", help="Results to compare with; the accepted revision if left out.")
@click.option("--tolerance", "tolerances", multiple=True, metavar="METRIC=VALUE", help="How much worse the mean of a metric may be.")
@click.option("--latency", type=float, metavar="FACTOR", help="How many times as long a method may take.")
def gate(
    accept: str | None,
    junit: Path | None,
    markdown: Path | None,
    against: str | None,
    tolerances: tuple[str, ...],
    latency: float | None,
) -> None:
    """Compare the results with the accepted ones; exit with 1 if any got worse."""
    tolerance = {}
    for text in tolerances:
        name, _, value = text.partition("=")
        try:
            tolerance[name] = float(value)
        except ValueError as error:
            raise click.BadParameter(f"'{text}' is not METRIC=NUMBER, such as psnr=0.5", param_hint="--tolerance") from error
    text, code = api.gate(accept, junit, markdown, against=against, tolerance=tolerance, latency=latency)
    click.echo(text)
    sys.exit(code)


@main.command()
@click.argument("method")
@click.option("--uri", help="Tracking store; MLFLOW_TRACKING_URI or sqlite:///mlflow.db if left out.")
def promote(method: str, uri: str | None) -> None:
    """Make the model of METHOD its champion in MLflow, if the gate lets it pass."""
    click.echo(api.promote(method, uri=uri))


@main.command()
@click.argument("metrics", type=PATH)
@click.option("--before", multiple=True, metavar="COMMAND", help="Run first, instead of the recorded commands; may be repeated.")
@click.option("--tolerance", type=float, default=0.0, show_default=True, help="Relative difference that counts as equal.")
def reproduce(metrics: Path, before: tuple[str, ...], tolerance: float) -> None:
    """Run the commands behind the file METRICS again in a clean working tree, data and training included, and compare."""
    text, code = api.reproduce(metrics, before, tolerance)
    click.echo(text)
    sys.exit(code)


@main.group()
def config() -> None:
    """Check and write the settings."""


@config.command()
@settings
def check(path: Path, overrides: tuple[str, ...]) -> None:
    """Check params.yaml."""
    api.params(path, overrides)
    click.echo(f"{path} is valid")


@config.command("format")
@params_file
def format_(path: Path) -> None:
    """Rewrite params.yaml with a comment on every key."""
    api.format_params(path)


@config.command()
@params_file
def full(path: Path) -> None:
    """Put all methods into the suite of params.yaml."""
    api.full_suite(path)


@config.command()
def schema() -> None:
    """Print the JSON schema of params.yaml, for editors."""
    click.echo(api.schema(), nl=False)


@main.command()
@settings
def doctor(path: Path, overrides: tuple[str, ...]) -> None:
    """Say what is installed, which weights and data are on disk, and how to get what is missing."""
    for line in api.doctor(path, overrides):
        click.echo(line)


if __name__ == "__main__":
    sys.exit(main())
