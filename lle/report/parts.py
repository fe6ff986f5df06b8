"""Pieces of HTML that the pages share. Text that is no `Markup` is escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from markupsafe import Markup

from lle.report.gallery import data_uri, webp_size

WIDE, NARROW = 720.0, 350.0
"""Widths in pixels at which figures are drawn for wide and narrow windows."""


def both(draw: Callable[[str, float], str], key: str) -> Markup:
    """Draws a figure twice, for wide and for narrow windows; the style sheet shows one of them.

    Args:
        draw: returns the SVG for a prefix of its ids and a width in pixels.
        key: prefix of the ids, unique in the page.
    """
    return Markup(f'<div class="wide">{draw(key + "-w", WIDE)}</div><div class="narrow">{draw(key + "-n", NARROW)}</div>')


def paragraph(text: str) -> Markup:
    """Returns a paragraph."""
    return Markup("<p>{}</p>").format(text)


def figure(picture: Markup, caption: str) -> Markup:
    """Returns a figure with its caption below."""
    return Markup("<figure>{}<figcaption>{}</figcaption></figure>").format(picture, caption)


def figures(shown: Iterable[Markup]) -> Markup:
    """Returns figures side by side where the window is wide enough."""
    return Markup('<div class="pair">{}</div>').format(Markup().join(shown))


def fold(summary: str, inside: Markup, remark: str = "", open_: bool = False) -> Markup:
    """Returns a block that opens when its summary is activated."""
    aside = Markup(' <span class="muted">{}</span>').format(remark) if remark else ""
    return Markup("<details{}><summary>{}{}</summary>{}</details>").format(Markup(" open") if open_ else "", summary, aside, inside)


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], text: Iterable[int] = ()) -> Markup:
    """Returns a table that scrolls sideways; its first column holds the rows' names and stays in view.

    Args:
        caption: what it shows; also its name for screen readers.
        heads: one a column.
        rows: one cell a column; numbers are aligned to the right.
        text: columns after the first that hold text, aligned to the left.
    """
    left = {0, *text}

    def place(column: int) -> Markup:
        return Markup("" if column in left else ' class="num"')

    parts = [
        Markup('<div class="scroll" role="region" aria-label="{}" tabindex="0">').format(caption),
        Markup('<table class="board claimed"><caption><span>{}</span></caption><thead><tr>').format(caption),
        *(Markup('<th scope="col"{}>{}</th>').format(place(column), head) for column, head in enumerate(heads)),
        Markup("</tr></thead><tbody>"),
    ]
    for name, *cells in rows:
        parts.append(Markup('<tr><th scope="row">{}</th>').format(name))
        parts += [Markup("<td{}>{}</td>").format(place(column), cell) for column, cell in enumerate(cells, 1)]
        parts.append(Markup("</tr>"))
    return Markup().join([*parts, Markup("</tbody></table></div>")])


def number(text: str, run: str, key: str, interval: str = "", n: int | None = None) -> Markup:
    """Returns a number that shows its provenance when it is activated.

    Args:
        text: as shown.
        run: id of its run; see `lle.report.runs`.
        key: its metric; the section must name both among its `cells`.
        interval: of the mean, as shown below it; "" for none.
        n: pictures behind the mean.
    """
    more = Markup(' data-interval="{}"').format(interval) if interval else Markup()
    more += Markup(' data-n="{}"').format(n) if n is not None else Markup()
    below = Markup("<small>{}</small>").format(interval) if interval else Markup()
    return Markup('<button type="button" class="cell" data-run="{}" data-key="{}"{}><b>{}</b>{}</button>').format(
        run, key, more, text, below
    )


def pictures(shown: Iterable[tuple[Path, str]], label: str) -> Markup:
    """Returns pictures in rows, each with its name below; all are put into the page.

    Args:
        shown: WebP file and name of each.
        label: what they show together, for screen readers.
    """
    items = []
    for path, name in shown:
        width, height = webp_size(path)
        image = Markup('<img src="{}" width="{}" height="{}" alt="{}" decoding="async">').format(
            Markup(data_uri(path)), width, height, f"{label}: {name}"
        )
        items.append(Markup("<li>{}</li>").format(figure(image, name)))
    return Markup('<ul class="sheet" aria-label="{}">{}</ul>').format(label, Markup().join(items))
