"""Which scenes the set has: split, roadway type and kind of pair, for any length, in an order of which every beginning is usable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import Literal

from lle.data.mine.site import Kind

PairKind = Literal["relit", "short_exposure", "uneven"]
"""Working lamps against even light; even light exposed briefly against long enough; bright but uneven working lamps against even light."""
PAIR_KINDS: tuple[PairKind, ...] = ("relit", "short_exposure", "uneven")
BLOCK = {"train": 25, "val": 4, "test": 10}
"""Scenes of each split in 39 successive ones; four blocks give 100, 16 and 40."""
SEEN_KINDS: tuple[Kind, ...] = ("arch", "shotcrete", "bolted", "longwall", "drill")
UNSEEN_KIND: Kind = "timber"
"""Occurs in the test split alone, as 4 of 10 scenes."""
_PAIRS: tuple[PairKind, ...] = ("relit", "uneven", "relit", "short_exposure", "uneven")


@dataclass(frozen=True)
class Planned:
    """One scene.

    Attributes:
        number: from 0; with the seed of the set it decides every draw.
        split: train, val or test.
        kind: roadway type.
        pair: kind of pair that the manifest makes of it.
    """

    number: int
    split: str
    kind: Kind
    pair: PairKind

    @property
    def id(self) -> str:
        """Name of its files."""
        return f"{self.number:04d}"

    @property
    def uneven(self) -> bool:
        """Whether its working lamps light it well."""
        return self.pair == "uneven"


def plan(scenes: int) -> list[Planned]:
    """The first scenes of the endless plan: a longer set contains the shorter one."""
    return list(islice(_endless(), scenes))


def _endless() -> Iterator[Planned]:
    # Within a block each split is spread evenly: its j-th scene of n stands at (j + 1/2) / n.
    order = [split for _, split in sorted(((j + 0.5) / n, split) for split, n in BLOCK.items() for j in range(n))]
    seen = dict.fromkeys(BLOCK, 0)
    known = dict.fromkeys(BLOCK, 0)
    for number in count():
        split = order[number % len(order)]
        j = seen[split]
        seen[split] += 1
        if split == "test" and j % 10 in (1, 3, 6, 8):
            kind = UNSEEN_KIND
        else:
            kind = SEEN_KINDS[known[split] % len(SEEN_KINDS)]
            known[split] += 1
        yield Planned(number, split, kind, _PAIRS[(j + j // len(_PAIRS)) % len(_PAIRS)])
