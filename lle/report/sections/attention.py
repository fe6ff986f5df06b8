"""Attention maps by block, after figure 3 of the distillation paper."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from lle.report.parts import fold, paragraph, pictures
from lle.report.sections import Section
from lle.results.attention import Attention
from lle.results.read import Results

READS = (Attention.FILES, "attention/*/*/*.webp")
ABOUT = (
    "The student looks at the low-light picture, its teacher at the normal-light one. A map is the mean over channels of the "
    "squared features after a block, at a quarter of the picture's size, stretched from its least (dark blue) to its greatest "
    "value (yellow). Where the student's maps resemble its teacher's, it has learned to look at the same things."
)


def section(reports: Path, results: Results) -> Section | None:
    """Returns the maps of every picture that the stage `attention` has made, or None if there is none."""
    blocks: list[Markup] = []
    for path in sorted(reports.glob(Attention.FILES)):
        record = Attention.read(path)
        folder = path.with_suffix("")
        name = f"{results.title(record.method)}, {record.image} of {record.dataset}"
        named = [("low", "low light"), ("output", "enhanced"), ("normal", "normal light")]
        rows = [pictures([(folder / f"{key}.webp", text) for key, text in named if (folder / f"{key}.webp").exists()], name)]
        for who, blocks_of in (("student", record.student_blocks), ("teacher", record.teacher_blocks)):
            maps = [(folder / f"{who}-{block}.webp", f"{who}, block {block}") for block in range(1, blocks_of + 1)]
            rows += [pictures(maps, f"{name}: attention of the {who}")] if maps else []
        remark = "; ".join(f"{key} {value}" for key, value in sorted(record.tags.items()))
        blocks.append(fold(name, Markup().join(rows), remark, open_=not blocks))
    if not blocks:
        return None
    return Section("attention", "Attention maps by block", paragraph(ABOUT) + Markup().join(blocks), page="papers/distill")
