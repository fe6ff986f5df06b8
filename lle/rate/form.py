"""The form: one HTML file that works from disk, and its key."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from lle.errors import DataError
from lle.files import digest, write_text
from lle.provenance import provenance
from lle.rate.key import NAME, Key, Shown
from lle.rate.pictures import Dark, Source, encoded
from lle.rate.plan import codes, plan
from lle.results.provenance import Provenance

TEMPLATE = Path(__file__).with_name("page.html")
PAGE = "rate.html"
QUESTION = "Which picture do you prefer?"
MARK = "STUDY_DATA"


@dataclass(frozen=True)
class Design:
    """What a form is made with.

    Attributes:
        pictures: number of pictures.
        pairs: that a rater is shown.
        raters: number of raters, each with an order of their own.
        seed: of codes, order and sides.
        side: pixels of a picture's longer side.
        quality: of WebP, 1 to 100.
        question: that raters answer.
    """

    pictures: int = 12
    pairs: int = 40
    raters: int = 30
    seed: int = 0
    side: int = 960
    quality: int = 92
    question: str = QUESTION

    def options(self) -> list[str]:
        """Returns the options of `lle rate page` that give it, without those that are as usual."""
        names = {"pictures": "count"}
        return [
            f"--{names.get(one.name, one.name)}={getattr(self, one.name)}" for one in fields(self) if getattr(self, one.name) != one.default
        ]


def write_form(
    out: Path,
    dataset: str,
    darks: list[Dark],
    sources: Mapping[str, Source],
    design: Design,
    origin: Mapping[str, Any],
    force: bool = False,
) -> list[Path]:
    """Writes the page for raters and the key.

    Neither the page nor its answers name a method or a picture: codes in random order stand for them, and the key says for which.

    Args:
        out: folder of both files.
        dataset: data set, or name of the folder of dark pictures.
        darks: the dark pictures.
        sources: what makes the enhanced ones, by method.
        design: how many pairs, raters and so on.
        origin: command and the like, see `lle.provenance`.
        force: replace another form in the folder; its answers cannot be scored any more.

    Returns:
        The page and the key.

    Raises:
        DataError: there is another form in the folder.
        LleError: a picture cannot be read or made.
    """
    plans = plan(len(darks), len(sources), design.raters, design.pairs, design.seed)
    methods, pictures = codes(len(sources), "m", design.seed), codes(len(darks), "p", design.seed)
    by_name = dict(zip(sources, methods, strict=True))
    shown: dict[str, dict[str, Any]] = {}
    digests: dict[str, str] = {}
    for code, (size, files) in zip(pictures, encoded(darks, sources, design.side, design.quality), strict=True):
        made = {by_name.get(name, ""): data for name, data in files.items()}
        shown[code] = {"size": size, "files": {name: _uri(made[name]) for name in sorted(made)}}
        digests |= {f"{code}/{name}": hashlib.sha256(data).hexdigest() for name, data in made.items()}
    trials = [[(pictures[at], methods[left], methods[right]) for at, left, right in one] for one in plans]
    study = digest([digests, trials, design.question])[:12]
    key = Key(
        study=study,
        name=out.resolve().name,
        dataset=dataset,
        question=design.question,
        seed=design.seed,
        methods={code: name for name, code in sorted(by_name.items(), key=lambda item: item[1])},
        pictures={code: Shown(image=dark.image, scene=dark.scene) for code, dark in sorted(zip(pictures, darks, strict=True))},
        provenance=Provenance.model_validate(provenance(**origin, seed=design.seed)),
    )
    if (out / NAME).is_file() and Key.read(out / NAME).study != study and not force:
        raise DataError(f"{out} holds another form, whose answers could not be scored without its key. Name another folder, or --force.")
    data = {"id": study, "question": design.question, "pictures": dict(sorted(shown.items())), "plans": trials}
    write_text(out / PAGE, TEMPLATE.read_text(encoding="utf-8").replace(MARK, _json(data)))
    key.write(out / NAME)
    return [out / PAGE, out / NAME]


def _json(data: Mapping[str, Any]) -> str:
    """Returns JSON that can stand inside of a script element."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _uri(data: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(data).decode()}"
