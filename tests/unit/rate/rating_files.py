"""A form over folders of small pictures, and answers of raters whose taste is known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from lle.data.images import write_png
from lle.files import write_text
from lle.project import Project
from lle.rate.answers import COLUMNS
from lle.rate.form import Design
from lle.rate.key import Key, Shown
from lle.rate.plan import plan
from lle.results.provenance import Provenance

METHODS = ("authors", "gamma", "input")


def make_form(home: Path, design: Design | None = None) -> tuple[Path, Key]:
    """Writes dark pictures, what `authors` made of them, and a form that compares it with gamma and the dark pictures; in `home`."""
    generator = np.random.default_rng(0)
    for index in range(4):
        picture = generator.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        write_png(home / "dark" / f"place{index}.png", picture // 4)
        write_png(home / "theirs" / f"place{index}.png", picture)
    (home / "params.yaml").write_text("suite: {methods: [gamma], datasets: [], prepare: [own]}\ntrain: {data: own}\n"
                                      "profile: {sizes: [[32, 32]]}\ndata: {own: {kind: demo, lighting: mine}}\n")  # fmt: skip
    project = Project(home / "params.yaml", root=home)
    folders = {"authors": home / "theirs"}
    page, key = project.rate_form(["gamma", "input"], home / "dark", folders, design or Design(4, 9, 3, seed=5))
    return page, Key.read(key)


def invented_key(methods: int, pictures: int) -> Key:
    """The key of a form of methods `a`, `b`, ... whose codes are `m1`, `m2`, ..."""
    return Key(
        study="0123456789ab",
        name="invented",
        dataset="dark",
        question="Which?",
        seed=0,
        methods={f"m{index + 1}": "abcdefgh"[index] for index in range(methods)},
        pictures={f"p{index + 1}": Shown(image=f"i{index}", scene=f"s{index}") for index in range(pictures)},
        provenance=Provenance(),
    )


def lines(key: Key, scores: list[float], raters: int, pairs: int, seed: int = 0) -> list[dict[str, object]]:
    """Answers of raters who prefer one to another with the probability that the scores give."""
    generator = np.random.default_rng(seed)
    methods, pictures = list(key.methods), list(key.pictures)
    found = []
    for rater, trials in enumerate(plan(len(pictures), len(methods), raters, pairs, seed), 1):
        for number, (picture, left, right) in enumerate(trials, 1):
            likes_left = generator.random() < 1 / (1 + math.exp(scores[right] - scores[left]))
            cells = (key.study, rater, number, pictures[picture], methods[left], methods[right], "left" if likes_left else "right", 2.5, 0)
            found.append(dict(zip(COLUMNS, cells, strict=True)))
    return found


def write_answers(path: Path, rows: list[dict[str, object]]) -> Path:
    """Writes a file as the form does."""
    write_text(path, "\n".join([",".join(COLUMNS), *(",".join(str(row[name]) for name in COLUMNS) for row in rows)]) + "\n")
    return path
