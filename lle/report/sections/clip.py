"""What CLIP knows of light and what the prompts learned: r(i) against exposure, and a network's map, before and after refinement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from lle.report import figures, parts
from lle.report.sections import Section
from lle.results.clip import ClipCost, ClipDarkness, ClipModel, ClipPrompts
from lle.results.read import Results

READS = (ClipModel.FILES, ClipDarkness.FILES, ClipCost.FILES, ClipPrompts.FILES, "clip/prompts/*/*.webp")
WHEN = {"before": "before refinement", "after": "after refinement"}


def section(reports: Path, results: Results) -> Section | None:
    """Shows what lies in `reports/clip`."""
    looks = [ClipPrompts.read(path) for path in sorted(reports.glob(ClipPrompts.FILES))]
    shown = [*_backbone(reports), *(part for look in looks for part in _look(look, reports / "clip" / "prompts", results))]
    if not shown:
        return None
    return Section("clip", "What CLIP sees in light", Markup().join(shown), menu="CLIP", order=560)


def _backbone(reports: Path) -> list[Markup]:
    """The small CLIP on photographs that it was not trained on, and on data sets that it never saw."""
    rows: list[tuple[str, str, str, str]] = []
    if ClipModel.path(reports).is_file():
        model = ClipModel.read(ClipModel.path(reports))
        what = "captions of the picture's own light, among those of all kinds of light"
        scenes = ", ".join(model.held_out_scenes)
        rows.append((f"held-out photographs ({scenes})", what, str(model.held_out_images), _percent(model.retrieval_top1)))
        rows += [(f"… {light}", "", "", _percent(share)) for light, share in model.retrieval_top1_by_light.items()]
        rows.append(("… chance", "", "", _percent(model.retrieval_chance)))
    costs = [ClipCost.read(path) for path in sorted(reports.glob(ClipCost.FILES))]
    for path in sorted(reports.glob(ClipDarkness.FILES)):
        found = ClipDarkness.read(path)
        named = f"{found.dataset}, {found.split} ({found.clip_backbone})"
        rows.append((named, "dark or normal light, by texts alone", str(found.images), _percent(found.accuracy)))
        sides = (("dark", found.accuracy_dark), ("lit", found.accuracy_lit))
        rows += [(f"… {side} pictures", "", "", _percent(share)) for side, share in sides]
    if not rows:
        return []
    table = parts.table(
        "Right answers of the CLIP, without any training for the question", ("Pictures", "Question", "Count", "Right"), rows, text=(1,)
    )
    remark = (
        "The small CLIP is trained here on a handful of photographs in many kinds of light, so that no download is needed. "
        "It knows light, and hardly anything else; its mistakes limit what it can teach."
    )
    shown = [parts.paragraph(remark), parts.fold("What the CLIP knows", table, open_=True)]
    return [*shown, *(parts.paragraph(_cost(cost)) for cost in costs)]


def _cost(cost: ClipCost) -> str:
    return (
        f"{cost.method}: a step of enhancement at {cost.side} pixels ({cost.clip_backbone}) takes {cost.ratio:.2f} times "
        f"as long as the image tower and the network alone, forward and backward (medians of {cost.runs} runs)."
    )


def _look(look: ClipPrompts, folder: Path, results: Results) -> list[Markup]:
    """One method: the curves with their verdict, and the maps."""
    name, title = look.method, results.title(look.method)
    curves, odds = [], []
    for scene, values in look.normality.items():
        heading = f"{title}: r against exposure, {scene}"
        caption = f"{heading}. " + "; ".join(f"{WHEN[when]} {_verdict(look.largest_fall[scene][when])}" for when in WHEN) + "."
        curves.append(parts.figure(_curves(f"clip-{name}-{scene}", look.stops, values, "r, probability of “normal”", heading), caption))
        heading = f"{title}: log-odds of r against exposure, {scene}"
        logits = look.log_odds[scene]
        odds.append(parts.figure(_curves(f"clip-{name}-{scene}-odds", look.stops, logits, "ln(r / (1 − r))", heading), f"{heading}."))
    shown_map = look.map
    files = {
        "low": "input",
        "result_before": "result before refinement",
        "result_after": "result after it",
        "map_before": "map before refinement",
        "map_after": "map after it",
    }
    shown = [(folder / name / f"{file}.webp", files[file]) for file in files if file in shown_map.files]
    scale = f"mid-grey is 0, white is +{shown_map.scale:g}" if shown_map.signed else f"black is 0, white is {shown_map.scale:g}"
    means = ", ".join(f"{shown_map.mean_absolute[when]:g} {WHEN[when]}" for when in WHEN)
    remark = (
        "The map that the network computes (CLIP-ISP: the detail map; CLIP-LIT: the light), as in Fig. 5 of the CLIP-ISP paper; "
        f"{scale}; mean absolute value {means}. The network before refinement was also trained for fewer steps: the study of "
        "Table I tells the two apart."
    )
    verdict = f"{title}, guided by {look.clip_backbone}, {look.rounds} rounds of refinement: " + "; ".join(
        f"{WHEN[when]} r is {'monotone' if look.monotone[when] else 'not monotone'} in exposure over all {len(look.normality)} scenes"
        for when in WHEN
    )
    return [
        Markup('<h3 id="clip-{}">{}</h3>').format(name, f"{title}: what the prompts learned"),
        parts.paragraph(verdict + "."),
        parts.figures(curves),
        parts.fold("The same as log-odds, which do not saturate", parts.figures(odds)),
        parts.paragraph(remark),
        parts.pictures(shown, f"{title}, {shown_map.scene} under mining light"),
    ]


def _curves(key: str, stops: Sequence[float], values: Mapping[str, Sequence[float]], label: str, heading: str) -> Markup:
    """Draws what was before and after refinement; probabilities on [0, 1], anything else on its own range."""
    shown_map = [value for when in WHEN for value in values[when]]
    inside = min(shown_map) >= 0 and max(shown_map) <= 1
    ends = (0.0, 1.0) if inside else (min(shown_map), max(shown_map))
    named = {WHEN[when]: values[when] for when in WHEN}
    return Markup(figures.lines(key, stops, named, "Exposure against normal light, stops", label, parts.NARROW, heading, ends))


def _verdict(largest_fall: float) -> str:
    return (
        "monotone" if largest_fall == 0 else f"not monotone (its log-odds fall by {largest_fall:.3g} at most from one exposure to the next)"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
