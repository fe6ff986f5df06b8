"""Pieces of SVG that the charts share: coordinates, ticks, labels, markers.

Every chart takes its width in pixels: the page holds a wide and a narrow drawing of the big ones and shows the one that
fits, so that letters are never scaled down to nothing on a phone. Labels are selectable text, colours come from the page's
style sheet, and equal values give equal bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

CHARACTER = 6.6
"""Mean width of a character in pixels at the charts' 12 px type; a little generous, so that labels keep apart."""
MARKER = 5.5
"""Half the size of a marker in pixels."""


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: Box) -> float:
        """Returns the area that both rectangles cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return width * height if width > 0 and height > 0 else 0.0


def num(value: float) -> str:
    """Writes a coordinate with at most one decimal."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def ticks(low: float, high: float, target: int = 5) -> list[float]:
    """Returns round numbers inside [low, high], about `target` of them, steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if span <= 0:
        return [low]
    raw = span / target
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Returns the powers of ten inside [low, high], with 2 and 5 times them where there are fewer than three."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [10.0**p for p in powers if low <= 10.0**p <= high]
    if len(found) >= 3:
        return found
    return [f * 10.0**p for p in powers for f in (1, 2, 5) if low <= f * 10.0**p <= high]


def tick_text(value: float) -> str:
    """Writes a tick without needless digits; thousands as k, millions as M."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):g}{unit}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−")


def svg(key: str, width: float, height: float, title: str, description: str, body: Sequence[str]) -> str:
    """Returns a chart with its title and its description in words, which screen readers read out."""
    head = (
        f'<svg class="chart" viewBox="0 0 {num(width)} {num(height)}" width="{num(width)}" height="{num(height)}" role="img" '
        f'aria-labelledby="{key}-t {key}-d">'
        f'<title id="{key}-t">{escape(title)}</title><desc id="{key}-d">{escape(description)}</desc>'
    )
    return head + "".join(body) + "</svg>"


def text_at(x: float, y: float, text: str, anchor: str = "start", style: str = "") -> str:
    """Returns a text at a place; `style` is a class of the style sheet."""
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    kind = f' class="{style}"' if style else ""
    return f'<text x="{num(x)}" y="{num(y)}"{where}{kind}>{escape(text)}</text>'


def stroke(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    """Returns a line; `style` is a class of the style sheet."""
    return f'<line class="{style}" x1="{num(x1)}" y1="{num(y1)}" x2="{num(x2)}" y2="{num(y2)}"/>'


def marker(kind: str, x: float, y: float, size: float = MARKER) -> str:
    """Draws the marker of a kind of supervision: the shape repeats what the colour says."""
    style = f'class="mark k-{escape(kind)}"'
    if kind == "zero-reference":
        return f'<circle {style} cx="{num(x)}" cy="{num(y)}" r="{num(size)}"/>'
    corners = {
        "classical": [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        "unpaired": [(0, -1.15), (1.1, 0.85), (-1.1, 0.85)],
        "paired": [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)],
    }.get(kind, [(-1, -0.35), (-0.35, -0.35), (-0.35, -1), (0.35, -1), (0.35, -0.35), (1, -0.35), (1, 0.35), (0.35, 0.35), (0.35, 1),
                 (-0.35, 1), (-0.35, 0.35), (-1, 0.35)])  # fmt: skip
    points = " ".join(f"{num(x + dx * size)},{num(y + dy * size)}" for dx, dy in corners)
    return f'<polygon {style} points="{points}"/>'


def padded(low: float, high: float, share: float) -> tuple[float, float]:
    """Returns a range with a margin on both sides, a share of its length; never empty."""
    margin = (high - low) * share if high > low else max(abs(high) * 0.1, 0.5)
    return low - margin, high + margin


def label_width(labels: Sequence[str], width: float) -> float:
    """Returns the room that row labels get on the left, at most two fifths of the figure."""
    return min(max(len(label) for label in labels) * CHARACTER + 16, width * 0.4)


def shortened(label: str, left: float) -> str:
    """Shortens a row label to its room."""
    fits = int((left - 10) / CHARACTER)
    return label if len(label) <= fits else label[: fits - 1].rstrip() + "…"
