"""What every column of the leaderboard means: its name, better direction, digits and group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lle.metrics.registry import all_metrics

Group = Literal["full", "none", "gt", "other", "video", "cost"]

GROUPS: dict[Group, str] = {
    "full": "Against the normal-light picture",
    "none": "Without a reference",
    "other": "Description",
    "gt": "GT-mean: brightness fitted to the answer",
    "video": "In video",
    "cost": "Cost",
}
"""Column groups in the order of the table."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        key: the metric's name in the result files.
        label: its head.
        group: the columns it stands with.
        better: whether a higher or a lower value is better; None where neither is.
        digits: decimals shown.
        meaning: one sentence: definition, range, unit.
    """

    key: str
    label: str
    group: Group
    better: Literal["higher", "lower"] | None
    digits: int
    meaning: str

    @property
    def arrow(self) -> str:
        """Returns the sign of the better direction."""
        return {"higher": "↑", "lower": "↓", None: ""}[self.better]

    def text(self, value: float | None) -> str:
        """Formats a value; a dash where there is none, such as the ends of an interval over one picture."""
        return "—" if value is None else f"{value:.{self.digits}f}".replace("-", "−")


FLICKER = Column(
    "flicker",
    "Flicker",
    "video",
    "lower",
    2,
    "Warping error on clips with known motion: root mean square change of what two frames both show, in levels of 255. "
    "A method that brightens also brightens the noise of the frames, of which the input's row shows how much there is.",
)
"""Of every method that was measured with `lle flicker`; it belongs to the method and not to the data set of a table."""
COSTS: tuple[Column, ...] = (
    Column("parameters", "Parameters", "cost", "lower", 0, "Numbers learned and used at test time."),
    Column("gmacs", "GMACs", "cost", "lower", 3, "Multiply-accumulates in 10^9 for one 400x600 picture."),
    Column(
        "latency",
        "Latency ms",
        "cost",
        "lower",
        1,
        "Median milliseconds for one 400x600 picture on the hardware that its provenance names.",
    ),
    Column("memory", "Memory MB", "cost", "lower", 0, "Peak memory in MB for one 400x600 picture."),
)


def metric(key: str) -> Column:
    """Returns the column of a metric; one that the registry of metrics does not know is shown without a direction."""
    known = all_metrics().get(key)
    if known is None:
        return Column(key, key.replace("_", " "), "other", None, 3, f"The metric `{key}` as its evaluator defines it.")
    group: Group = "full" if known.needs_reference else "other" if known.direction == "none" else "none"
    if key.endswith("_gt_mean"):
        group = "gt"
    better = None if known.direction == "none" else known.direction
    unit = f", in {known.unit}" if known.unit else ""
    return Column(key, known.label, group, better, known.digits, f"{known.definition}{unit}. Source: {known.source}.")


def columns(keys: Iterable[str]) -> tuple[Column, ...]:
    """Returns the columns of the given metrics in the order of the table."""
    order = {key: index for index, key in enumerate(all_metrics())}
    groups = {group: index for index, group in enumerate(GROUPS)}
    found = (metric(key) for key in set(keys))
    return tuple(sorted(found, key=lambda column: (groups[column.group], order.get(column.key, len(order)), column.key)))
