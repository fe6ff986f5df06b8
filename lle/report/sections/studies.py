"""Every study: its variants with intervals, the spread over seeds and processors beside that over pictures, its contrasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from markupsafe import Markup

from lle.files import read_json
from lle.report import figures, parts
from lle.report.claims import study_conditions
from lle.report.columns import Column, columns
from lle.report.sections import Section
from lle.results.provenance import Provenance
from lle.results.read import Results, Score, Study
from lle.results.study import training_name

VERDICTS = {
    "holds": "holds: the interval lies above 0, and p is below 0.05",
    "contradicted": "contradicted: the interval lies below 0, and p is below 0.05",
    "not shown": "not shown: the interval holds 0, or p is not below 0.05",
}
INTRODUCTION = (
    "A number is the mean over the test pictures, below it the 95 % bootstrap interval over pictures; with several seeds each "
    "picture counts with its mean over them. “Seed sd” is the standard deviation of the means of the seeds, “picture ±” half the "
    "interval: a difference below either is no finding, whatever the test over pictures says. “Processors” is the largest difference "
    "between the same training and measurement with this machine's instructions and with those of an old processor."
)


def section(reports: Path, results: Results) -> Section | None:
    """Shows what lies in `reports/studies`, and which of it the present settings and code would make anew."""
    if not results.studies:
        return None
    keys = reports.parent / "build/keys/study"
    shown = [part for study in results.studies.values() for part in _study(study, keys / f"{study.study}.json")]
    cells = tuple(
        (f"study/{name}/{variant}", column.key)
        for name, study in results.studies.items()
        for variant in study.variants
        for column in _columns(study)
    )
    return Section(
        "all",
        "What was tried, and what came of it",
        Markup().join([parts.paragraph(INTRODUCTION), _list(results), *shown]),
        page="studies",
        cells=cells,
    )


def _list(results: Results) -> Markup:
    items = (Markup('<li><a href="#{}">{}</a></li>').format(name, study.title) for name, study in results.studies.items())
    return Markup("<ul>{}</ul>").format(Markup().join(items))


def _columns(study: Study) -> tuple[Column, ...]:
    """Returns the metrics that any variant has on any data set."""
    found = {
        key
        for variant in study.variants.values()
        for metrics in variant.results.values()
        for key, score in metrics.items()
        if score.mean is not None
    }
    return columns(found)


def _study(study: Study, key: Path) -> list[Markup]:
    head = Markup('<h3 id="{}">{}</h3>').format(study.study, study.title)
    paper = Markup(' Belongs to <a href="papers/{}.html">this paper</a>.').format(study.paper) if study.paper else ""
    command = Markup("<p>{} variants, {} {}.{} Again: <code>lle study {}</code></p>").format(
        len(study.variants), "seed" if len(study.seeds) == 1 else "seeds", ", ".join(map(str, study.seeds)), paper, study.study
    )
    if study.split != "test":
        command += parts.paragraph(f"Settings were chosen by it: it measured the split {study.split}, and no test picture.")
    if key.is_file() and (changed := ", ".join(_changed(study, read_json(key)["runs"]))):
        command += parts.paragraph(f"The command gives other numbers now, as far as they depend on what changed since: {changed}.")
    blocks = [_dataset(study, dataset) for dataset in study.datasets]
    conditions = [
        Markup("<li>{}{}</li>").format(
            study_conditions(study, name, study.datasets[0]),
            Markup(": <code>{}</code>").format(" ".join(variant.set)) if variant.set else "",
        )
        for name, variant in study.variants.items()
    ]
    folded = parts.fold("Conditions", Markup('<ul class="remarks">{}</ul>').format(Markup().join(conditions)))
    return [head, command, *blocks, *_contrasts(study), folded]


def _changed(study: Study, runs: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Says what differs between the trainings that were measured and those that the study would do now.

    Args:
        study: the results.
        runs: what `lle.measure.study.Run.origin` says of each training of it now, by name.
    """
    made: dict[str, Provenance] = {}
    for name, variant in study.variants.items():
        made |= {training_name(name, seed, study.processors[0]): origin for seed, origin in variant.provenance.items()}
        made |= {training_name(name, one.seed, one.processor): one.provenance for one in variant.other_runs}
    both = made.keys() & runs.keys()
    settings = {name for name in both if made[name].config_hash != runs[name]["config_hash"]}
    code = {name for name in both - settings if made[name].fingerprint != runs[name]["fingerprint"]}
    if settings:
        yield f"the settings of {len(settings)} of {len(made)} trainings"
    if code:
        yield f"the code of {len(code)} of {len(made)} trainings"
    if gone := made.keys() - runs.keys():
        yield f"{len(gone)} trainings are left out"
    if new := runs.keys() - made.keys():
        yield f"{len(new)} trainings are new"


def _dataset(study: Study, dataset: str) -> Markup:
    shown = _columns(study)
    if not shown:
        return parts.paragraph(f"{dataset}: no metric has a value.")
    leading = next((column for column in shown if column.group == "full"), shown[0])
    seeds = len(study.seeds) > 1
    gaps = {name: _gap(variant.results.get(dataset, {}).get(leading.key)) for name, variant in study.variants.items()}
    processors = any(gap is not None for gap in gaps.values())
    heads = ["Variant", *([f"{leading.label}: seed sd"] if seeds else []), f"{leading.label}: picture ±"]
    heads += [f"{leading.label}: processors"] if processors else []
    heads += [f"{column.label} {column.arrow}".strip() for column in shown]
    rows = []
    for name, variant in study.variants.items():
        scores = variant.results.get(dataset, {})
        own = scores.get(leading.key)
        spread = [_plain(leading, own.seed_sd if own else None)] if seeds else []
        half = None if own is None or own.low is None or own.high is None else (own.high - own.low) / 2
        cells = [_cell(study, name, column, scores.get(column.key)) for column in shown]
        rows.append([variant.title, *spread, _plain(leading, half), *([_plain(leading, gaps[name])] if processors else []), *cells])
    points = [
        figures.Bar(variant.title, own.mean, own.low, own.high, _means(own))
        for variant in study.variants.values()
        if (own := variant.results.get(dataset, {}).get(leading.key)) is not None and own.mean is not None
    ]
    table = parts.table(f"{study.title}, {dataset}", heads, rows)
    if len(points) < 2:
        return table
    title = f"{leading.label} of every variant on {dataset}"
    label = f"{leading.label} on {dataset}" + (f" ({leading.better} is better)" if leading.better else "")
    drawn = parts.both(lambda key, width: figures.intervals(key, points, label, width, title), f"{study.study}-{dataset}")
    caption = f"{title}: mean, 95 % interval over pictures" + (", and the mean of every run as a ring." if seeds else ".")
    return Markup().join([table, parts.figures([parts.figure(drawn, caption)])])


def _means(score: Score) -> tuple[float, ...]:
    """Returns the mean of every run, of one seed on one processor."""
    return tuple(run.mean for run in score.by_run) or tuple(score.by_seed.values())


def _gap(score: Score | None) -> float | None:
    """Returns the largest difference between processors with the same seed; None where there was one processor."""
    return None if score is None else score.processor_gap


def _plain(column: Column, value: float | None) -> str:
    return "—" if value is None else column.text(value)


def _cell(study: Study, variant: str, column: Column, score: Score | None) -> Markup:
    if score is None or score.mean is None:
        reason = "not measured in this study" if score is None else score.missing or "no value"
        return Markup('<span class="empty" title="{}">—</span>').format(reason)
    interval = "" if score.low is None or score.high is None else f"{column.text(score.low)} – {column.text(score.high)}"
    return parts.number(column.text(score.mean), f"study/{study.study}/{variant}", column.key, interval, score.n)


def _contrasts(study: Study) -> list[Markup]:
    if not study.contrasts:
        return []
    titles = {name: variant.title for name, variant in study.variants.items()}
    rows = []
    for one in study.contrasts:
        (column,) = columns([one.metric])
        name = f"{titles.get(one.better, one.better)} above {titles.get(one.worse, one.worse)}"
        if one.difference is None or one.difference.mean is None:
            rows.append([name, one.dataset, column.label, "—", "—", "—", "—", f"not tested: {one.missing or 'no value'}"])
            continue
        difference = one.difference
        interval = f"{_plain(column, difference.low)} – {_plain(column, difference.high)}"
        p_value = "—" if one.p_value is None else f"{one.p_value:.2g}"
        favour = "—" if one.seeds is None else f"{one.seeds_in_favour} of {one.seeds}"
        verdict = VERDICTS.get(one.verdict or "", one.verdict or "—")
        rows.append([name, one.dataset, column.label, _plain(column, difference.mean), interval, p_value, favour, verdict])
    heads = ("Expected", "Data set", "Metric", "Difference", "95 % interval", "p (Wilcoxon)", "Seeds in favour", "Outcome")
    return [parts.table(f"{study.title}: what was expected", heads, rows, text=(1, 2, 7))]
