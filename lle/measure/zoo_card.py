"""The card of weights that come with the package, written from what is known of them."""

from __future__ import annotations

from collections.abc import Iterator

from lle.results.base import Score
from lle.results.zoo import ZooModel

UNITS = {"psnr": "PSNR, dB", "psnr_gt_mean": "PSNR after GT-mean, dB", "ssim": "SSIM"}
ALLOWED = {
    "free": "The training pictures may be used for any purpose, as far as their licences say: name the authors where they ask for it.",
    "non-commercial": "Non-commercial: some training pictures may be used for research only, and so may these weights.",
}


def card_text(model: ZooModel) -> str:
    """Returns the card as Markdown."""
    return "\n".join(_lines(model)) + "\n"


def _lines(model: ZooModel) -> Iterator[str]:
    yield f"# {model.title}"
    yield ""
    yield f"Weights `{model.name}` of the method `{model.method}`: {model.parameters:,} parameters, {model.bytes / 1e6:.2f} MB."
    yield f"`lle enhance {model.name} PHOTO -o OUT`"
    yield ""
    yield "## Learned from"
    for part in model.parts:
        yield f"- `{part.name}`, {part.pictures} training pairs. Licences: {', '.join(part.licences)}."
    yield ""
    yield ALLOWED[model.licence]
    yield ""
    yield "## Recipe"
    commit = model.provenance.git or "unknown"
    yield f"{model.iterations} iterations in {model.seconds:.0f} s on {model.provenance.machine}, commit `{commit}`."
    yield f"`lle zoo train {model.name}`: `train.data={model.data}`" + "".join(f", `{one}`" for one in model.set)
    yield ""
    yield "## Figures"
    for dataset, scores in model.metrics.items():
        for metric, score in scores.items():
            yield f"- {dataset}, {UNITS.get(metric, metric)}: {_score(score)}"
    for dataset, reason in model.missing.items():
        yield f"- {dataset}: not measured: {reason}"
    yield ""
    half = model.half
    share = f"{half.changed:,} of {half.values:,} 8-bit values of {half.pictures} enhanced validation pictures"
    if model.precision == "half":
        yield f"Stored with 16 bits a weight, which changes none of the {share.partition(' of ')[2]}."
    else:
        yield f"Stored with 32 bits a weight: 16 bits would change {share}, by at most {half.largest} of 255."
        if model.halved:
            yield f"Of these modules 16 bits are stored, which changes none: {', '.join(model.halved)}."
    yield ""
    yield "## Weak at"
    yield model.weak


def _score(score: Score) -> str:
    if score.mean is None:
        return f"no value: {score.missing}"
    interval = "" if score.low is None else f" (95 % interval {score.low:.4g} to {score.high:.4g})"
    return f"{score.mean:.4g}{interval}, {score.n} pictures"
