"""What a pipeline does: further measurements, and the files on which its stages depend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lle.cli.group import kept
from lle.cli.options import ENGINE, PATH, project, with_project

if TYPE_CHECKING:
    from lle.cluster.jobs import Engine
    from lle.project import Project
    from lle.results.backends import MethodTimes
    from lle.results.segmentation import Recognised
    from lle.results.study import Study


@click.command()
@click.argument("method")
@with_project
def profile(method: str, project: Project) -> None:
    """Measure parameters, operations, latency and memory of METHOD."""
    result = project.profile(method)
    click.echo(f"{result.parameters} parameters")
    for size in result.latency_ms or ():
        timing = result.timing(size)
        click.echo(f"{size}: -" if timing is None else f"{size}: {timing.median:.1f} ms on {timing.threads} threads")


@click.command()
@with_project
def costs(project: Project) -> None:
    """Count parameters and operations of every method; none has to be trained."""
    result = project.count_costs()
    for name, cost in result.methods.items():
        counted = "-" if cost.macs is None else f"{cost.macs / 1e9:.4g}"
        click.echo(f"{name:14}  {cost.parameters:10}  {counted:>8} GMACs at {result.size}")


@click.command()
@with_project
def throughput(project: Project) -> None:
    """Measure how fast Zero-DCE trains, and how fast its batches could be made."""
    for crop, speed in project.throughput().crops.items():
        click.echo(f"{crop}: {speed.training_images_per_s} images/s trained, {speed.loader_images_per_s} loaded")


@click.group()
def benchmark() -> None:
    """Measure the suite itself."""


@benchmark.command()
def startup() -> None:
    """Measure how long `lle` takes to start, against Python's own start."""
    for name, found in project().benchmark_startup().commands.items():
        click.echo(f"{name:12}  {found.seconds:.3f} s, {found.ratio:.1f} times `python -c pass`")


@benchmark.command("latency")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1), help="How often each method is timed.")
@click.option("--pause", default=60.0, show_default=True, type=click.FloatRange(0), help="Seconds between two rounds.")
@click.argument("methods", nargs=-1, metavar="[METHOD]...")
@with_project
def latency_rounds(methods: tuple[str, ...], rounds: int, pause: float, project: Project) -> None:
    """Time METHODs, or the suite, in rounds: how far latency varies here.

    More rounds are added to those of the same hardware; the gate reads those in which other programs left the cores alone.
    """
    from lle.measure.load import is_quiet

    found = project.benchmark_latency(methods, rounds, pause)
    for name, entries in found.methods.items():
        for size in entries[0].latency_ms:
            timings = [entry.latency_ms[size] for entry in entries]
            quiet = sum(is_quiet(timing.others) for timing in timings)
            values = [timing.median for timing in timings]
            click.echo(f"{name:12}  {size:9}  {min(values):.3g} to {max(values):.3g} ms in {len(values)} rounds, {quiet} of them quiet")


@benchmark.command("pipeline")
def pipeline_times() -> None:
    """Show where the minutes of the last `make repro` went, and write them to reports/benchmarks/pipeline.json."""
    found = project().benchmark_pipeline()
    for name, spent in found.kinds.items():
        click.echo(f"{name:12}  {spent.seconds:7.1f} s, {spent.cpu_seconds:7.1f} s of CPU time")
    click.echo(f"{'none':12}  {found.idle_seconds:7.1f} s\n{'all':12}  {found.seconds:7.1f} s")


@benchmark.command("backends")
@click.argument("methods", nargs=-1, metavar="[METHOD]...")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), default=2.0, show_default=True, help="For each backend.")
@click.option("--int8/--no-int8", default=False, help="Also quantise what is trained, which takes minutes.")
@with_project
def backends(methods: tuple[str, ...], seconds: float, int8: bool, project: Project) -> None:
    """Measure METHODs, or the suite, on every backend at 400x600, and write reports/benchmarks/backends.json.

    A METHOD is an id, or `id:preset`, such as clip_isp:edge, untrained with the settings of that preset.
    """

    def show(name: str, row: MethodTimes) -> None:
        for time in row.times:
            what = f"{name:14}  {time.backend:20} {time.precision}"
            if time.ms is None:
                click.echo(f"{what}  -  {time.missing}")
            else:
                click.echo(f"{what}  {time.ms:8.1f} ms  {time.ratio_to_sci} times SCI, {time.speed_up} times as fast as torch")

    project.benchmark_backends(methods, seconds, int8, show)


SEED = click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of everything random.")


@benchmark.command()
@click.option("--cases", type=click.IntRange(1), default=5000, show_default=True, help="Number of damaged inputs.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only this kind of input, such as video; may be repeated.")
@SEED
def mutations(cases: int, kinds: tuple[str, ...], seed: int) -> None:
    """Run damaged pictures, archives, lists, settings and weights, or videos, through the command line (minutes)."""
    found = project().benchmark_mutations(cases, seed, kinds)
    for kind, one in found.kinds.items():
        click.echo(f"{kind:12}  {one.cases} inputs, {one.refused} refused, {one.faults} faults")
    end_with([f"{fault.kind} {fault.case}: {fault.fault}: {fault.message}" for fault in found.faults])


@benchmark.command()
@click.option("--pictures", type=click.IntRange(20), default=1000, show_default=True, help="Number of pictures, of as many sizes.")
def memory(pictures: int) -> None:
    """Measure how the memory of `lle enhance` and `lle evaluate` grows over many pictures (minutes)."""
    for name, one in project().benchmark_memory(pictures).commands.items():
        click.echo(
            f"{name:12}  {one.early_mb:.0f} MB early, {one.late_mb:.0f} MB late, {one.growth_mb:+.1f} MB, at most {one.peak_mb:.0f} MB"
        )


@benchmark.command()
@click.option("--times", type=click.IntRange(1), default=20, show_default=True, help="Number of kills.")
@click.option("--together", type=click.IntRange(1), default=1, show_default=True, help="Kills of one run in a row.")
@SEED
def kills(times: int, together: int, seed: int) -> None:
    """Kill a small pipeline at random moments, and compare what a second run makes with an uninterrupted one (minutes a kill)."""
    faults = []
    for run in project().benchmark_kills(times, seed, together).runs:
        told = [f"{one.signal} after {one.moment_s} s ({one.running or 'between two stages'})" for one in run.kills]
        wrong = [*run.different, *run.left, *([f"exit status {run.exit_code}"] if run.exit_code else [])]
        click.echo(f"{', '.join(told)}: {'as an uninterrupted run' if not wrong else 'not as an uninterrupted run'}")
        faults += [f"{', '.join(told)}: {', '.join(wrong)}"] if wrong else []
    end_with(faults)


@benchmark.command()
@click.argument("dataset")
@click.option("--iterations", type=click.IntRange(1), default=300, show_default=True, help="Of each of the three trainings.")
@with_project
def habits(dataset: str, iterations: int, project: Project) -> None:
    """Measure on DATASET what rounding, resizing and the like of other test scripts change in dB (minutes)."""
    found = project.benchmark_habits(dataset, iterations=iterations)
    for name, weights in found.weights.items():
        for habit, change in weights.habits.items():
            click.echo(f"{name:12}  {habit:16}  {change.psnr:+.3f} dB ({change.least:+.2f} to {change.most:+.2f}), SSIM {change.ssim:+.4f}")
    for one in found.selection.trainings:
        click.echo(f"seed {one.seed}: chosen on test pictures {one.by_test:.2f} dB, on validation pictures {one.by_validation:.2f} dB")


@benchmark.command()
@click.argument("folder", type=PATH)
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--sheet", type=PATH, metavar="FILE.webp", help="Also write all pictures side by side.")
@with_project
def real(folder: Path, models: tuple[str, ...], sheet: Path | None, project: Project) -> None:
    """Measure on the pictures of FOLDER whether MODELs, or the zoo, spread lamps or tint grey areas."""
    found = project.benchmark_real(folder, models, sheet)
    for name in found.models:
        one = found.over_pictures(name)
        tint = "no picture has grey areas"
        if one.shift_mean is not None:
            tint = f"{one.shift_mean:.2f} in the mean, at most {one.shift_most:.2f}, on {one.shifts} pictures"
        click.echo(f"{name:14}  blown-out area at most {100 * one.blown_more:+.2f} % of a picture; shift of grey: {tint}")


def end_with(faults: list[str]) -> None:
    """Names the faults of a benchmark, and ends with 1 where there are any."""
    for fault in faults:
        click.echo(fault, err=True)
    click.get_current_context().exit(1 if faults else 0)


@click.command()
@click.argument("dataset")
@with_project
def judge(dataset: str, project: Project) -> None:
    """Train the segmentation network that judges pictures of DATASET, on clean pictures only."""
    click.echo(_mean_iou(project.train_judge(dataset)))


@click.command()
@click.argument("methods", nargs=-1, required=True, metavar="METHOD...")
@click.argument("dataset")
@with_project
def segment(methods: tuple[str, ...], dataset: str, project: Project) -> None:
    """Segment darkened test pictures of DATASET after METHOD has enhanced them.

    METHOD may also be `dark`, the pictures as they are, `clean`, the pictures before they were darkened, or `suite`: both of them and
    every method of the suite.
    """
    names = [name for method in methods for name in (project.segmented() if method == "suite" else (method,))]
    for result in (project.segment(name, dataset) for name in names):
        click.echo(f"{result.method}: {_mean_iou(result)}")


def _mean_iou(result: Recognised) -> str:
    cells = [f"{name}: {value:.3f}" if value is not None else f"{name}: -" for name, value in result.iou.items()]
    both = {"all": result.mean_iou.all, "listed": result.mean_iou.listed}
    means = [f"{key}: {cell.mean:.4f}  [{cell.low:.4f}, {cell.high:.4f}]" for key, cell in both.items()]
    return "\n".join([", ".join(cells), *(f"mean IoU, {text}" for text in means)])


@click.command()
@click.argument("methods", nargs=-1, required=True, metavar="METHOD...")
@click.argument("dataset")
@with_project
def read(methods: tuple[str, ...], dataset: str, project: Project) -> None:
    """Read the signs in test pictures of DATASET after METHOD has enhanced them.

    METHOD may also be `input`, the pictures as they are, `normal`, their references, or `suite`: both of them and every method of the
    suite.
    """
    names = [name for method in methods for name in (project.readings() if method == "suite" else (method,))]
    for result in (project.read(name, dataset) for name in names):
        cell = result.accuracy
        shown = cell.missing if cell.mean is None else f"{cell.mean:.1%} of the characters of {len(result.signs)} signs"
        click.echo(f"{result.method}: {shown}")


@click.command()
@click.argument("method")
@click.argument("dataset")
@with_project
def attention(method: str, dataset: str, project: Project) -> None:
    """Draw the attention maps by block of the student METHOD, and its teacher's, on a picture of DATASET."""
    result = project.attention(method, dataset)
    click.echo(f"{result.image}: {result.student_blocks} blocks of the student, {result.teacher_blocks} of the teacher")


@click.command()
@click.argument("method")
@with_project
def mechanism(method: str, project: Project) -> None:
    """Measure whether the idea of METHOD acts in the model that was trained, on validation pictures."""
    for one in project.mechanism(method).measures:
        verdict = "" if one.acts is None else f"  {'acts' if one.acts else 'does not act'} (at least {one.least:g})"
        click.echo(f"{one.key:18}  {one.place:14}  {one.value:.4g} {one.unit}{verdict}".rstrip())


@click.command()
@with_project
def composite(project: Project) -> None:
    """Measure the composite index of the distillation paper on pictures without references."""
    result = project.composite()
    for dataset, found in result.datasets.items():
        for name, row in found.methods.items():
            click.echo(f"{dataset}  {name:10}  {row['index']:.3f}")
        if found.missing is not None:
            click.echo(f"{dataset}  -  {found.missing}")
    for name, reason in result.missing_terms.items():
        click.echo(f"without {name}: {reason}")


@click.command()
@with_project
def simulate(project: Project) -> None:
    """Simulate the mine networks of the section `iovt`: cameras, edge boxes, a ring of switches, the cloud."""
    result = project.simulate()
    for name, timing in result.paper.timings.items():
        click.echo(f"paper, {name}: {timing.simulated:g}, claimed {timing.claimed:g}")
    for name, mine in result.mines.items():
        age = "-" if mine.dark.p95 is None else f"{mine.dark.p95:.0f} ms"
        lost = ", ".join(f"{count} to {reason}" for reason, count in mine.lost.items()) or "none"
        click.echo(f"{name}: {mine.made} frames, 95 % of the enhanced within {age}, {mine.late:.1%} late or lost; lost: {lost}")
    for found in result.design.capacity if result.design is not None else ():
        more = "at least " if found.more else ""
        click.echo(f"{found.method} at {found.size}: {more}{found.cameras} cameras a box, {found.frame_ms:g} ms a frame")


@click.command()
@click.argument("name", required=False)
@ENGINE
@with_project
def study(name: str | None, engine: Engine | None, project: Project) -> None:
    """Train and measure the variants of the study NAME; without a name, list the studies."""
    if name is None:
        for key, title in project.studies().items():
            click.echo(f"{key}  {title}")
    else:
        kept("Runs that are done are kept, and the same command goes on.")
        _show_study(project.study(name, engine))


def _show_study(result: Study) -> None:
    for variant, row in result.variants.items():
        for dataset, cells in row.results.items():
            shown = {key: cells[key].mean for key in ("psnr", "ssim") if cells[key].mean is not None}
            runs = [run.mean for run in cells["psnr"].by_run] if "psnr" in cells else []
            apart = f"  {max(runs) - min(runs):.2f} dB between {len(runs)} runs" if len(runs) > 1 else ""
            click.echo(f"{variant}  {dataset}  " + "  ".join(f"{key} {value:.4g}" for key, value in shown.items()) + apart)
    for contrast in result.contrasts:
        click.echo(f"{contrast.better} > {contrast.worse} on {contrast.dataset}: {contrast.verdict or contrast.missing}")


@click.group(invoke_without_command=True)
@click.pass_context
@with_project
def clip(context: click.Context, project: Project) -> None:
    """Train the small CLIP that guides methods where no other is on disk, or measure what one knows."""
    if context.invoked_subcommand is None:
        click.echo(f"build/clip: {project.train_clip().retrieval_top1:.1%} of held-out pictures get their own light's caption")


@clip.command("darkness")
@click.argument("dataset")
@with_project
def clip_darkness(dataset: str, project: Project) -> None:
    """Measure how well the CLIP of clip_isp tells dark from lit pictures of DATASET, by texts alone."""
    found = project.clip_darkness(dataset)
    if found is None:
        click.echo(f"skipped: build/data/{dataset} does not exist. Prepare it first: lle fetch {dataset}")
    else:
        dark, lit = f"{found.accuracy_dark:.1%} of the dark", f"{found.accuracy_lit:.1%} of the lit"
        click.echo(f"{found.accuracy:.1%} of {found.images} pictures, {dark}, {lit}")


@clip.command("cost")
@click.argument("method")
def clip_cost(method: str) -> None:
    """Time a step of METHOD at 224 pixels against the CLIP image tower and the network, forward and backward."""
    click.echo(f"{project().clip_cost(method).ratio:.2f} times CLIP and network alone")


@clip.command("prompts")
@click.argument("method")
def clip_prompts(method: str) -> None:
    """Look at what the prompts of METHOD learned: r(i) against exposure, before and after refinement."""
    for when, monotone in project().clip_prompts(method).monotone.items():
        click.echo(f"{when} refinement: {'rises monotonically with exposure' if monotone else 'not monotone'}")


@click.command()
@click.argument("dataset")
@with_project
def gradients(dataset: str, project: Project) -> None:
    """Measure how much contour the training pictures of DATASET have: the level E_g of SLLEN's loss, its figure 5."""
    found = project.gradients(dataset)
    click.echo(f"E_g {found.level:.5f}, mean of {len(found.normal)} normal-light pictures")


@click.group()
def pipeline() -> None:
    """Run the pipeline, or write what it depends on."""


@pipeline.command("keys")
@with_project
def pipeline_keys(project: Project) -> None:
    """Write build/keys: what every stage depends on, its code, its settings and its inputs."""
    click.echo(f"{len(project.write_keys())} keys")


@pipeline.command("write")
@with_project
def pipeline_write(project: Project) -> None:
    """Bring dvc.yaml up to date with the methods of the suite and with what they take from each other."""
    for written in project.write_pipelines():
        click.echo(written)


@pipeline.command("run")
@click.option("--lanes", type=click.IntRange(1), default=2, show_default=True, help="Trainings that run at once.")
@with_project
@click.pass_context
def pipeline_run(context: click.Context, lanes: int, project: Project) -> None:
    """Run the pipeline as `dvc repro` does, with trainings side by side."""
    kept("What is finished stays: the same command goes on.")
    context.exit(project.run_pipeline(lanes))


COMMANDS: tuple[click.Command, ...] = (
    profile, costs, throughput, benchmark, judge, segment, read, attention, mechanism, composite, gradients, simulate, study, clip,
    pipeline,
)  # fmt: skip
