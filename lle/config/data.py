"""Settings of data sets: the section `data` of `params.yaml`, a name and a source each."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from lle.config.base import Strict
from lle.config.light import Camera, Mine, Published, Room
from lle.config.ranges import PositiveRange, Unit, UnitRange
from lle.config.varied import Varied
from lle.errors import ConfigError, did_you_mean

CATALOG = Path(__file__).parent.parent / "data" / "catalog"
"""The public data sets: a file `<id>.yaml` each."""


class DemoData(Strict):
    """Pairs made from photographs of normal light, by default those that scikit-image, scikit-learn and matplotlib install."""

    kind: Literal["demo"]
    """Made here, from photographs."""
    photographs: Literal["demo", "photos"] = "demo"
    """`demo` are 13 that packages install; `photos` are the 140 of the set of that name, fetched where it is not there."""
    lighting: Literal["room", "mine", "mixed", "varied"]
    """`room` is dim, `mine` is lit by lamps, `mixed` alternates between both, `varied` is the mixture of the section of that name."""
    mode: Literal["camera", "published"] = "camera"
    """`camera` follows the light through a sensor; `published` takes the papers' formula and no lighting."""
    seed: int = Field(1, ge=0)
    """Every draw follows from it."""
    train: int = Field(160, ge=1)
    """Pairs for training."""
    val: int = Field(12, ge=1)
    """Pairs for choosing a checkpoint."""
    test_full: int = Field(2, ge=0)
    """Full frames of each test photograph, each under its own light."""
    test_crops: int = Field(6, ge=0)
    """Crops of each test photograph, each under its own light."""
    crop: tuple[Annotated[int, Field(ge=32)], Annotated[int, Field(ge=32)]] = (256, 288)
    """Shortest and longest side of crops, in pixels."""
    reference_mean: UnitRange = (0.38, 0.48)
    """Mean to which training references are exposed, as a camera's automatic exposure does: how bright a picture shall
    become cannot be read off a dark one. Test and validation photographs stay as they are."""
    camera: Camera = Camera()
    """The sensor."""
    room: Room = Room()
    """Dim light."""
    mine: Mine = Mine()
    """Light underground."""
    published: Published = Published()
    """The papers' formula."""
    varied: Varied | None = None
    """The mixture of lights and its camera; null where `lighting` is another."""

    @model_validator(mode="before")
    @classmethod
    def _mixture(cls, given: Any) -> Any:
        """Fills in the mixture where it is used, so that its defaults are part of no other set."""
        if isinstance(given, dict) and given.get("lighting") == "varied":
            return {**given, "varied": given.get("varied") or {}}
        return given

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        for name, (low, high) in (("crop", self.crop), ("mine.lamps", self.mine.lamps)):
            if low > high:
                raise ValueError(f"{name}: the lower bound {low} is above the upper bound {high}")
        if self.varied is not None and self.lighting != "varied":
            raise ValueError("varied: `lighting` is another; leave the section out, or set lighting: varied")
        if self.crop[1] > 300:
            raise ValueError("crop: the smallest test photograph has 300 rows")
        return self


class DemoSegData(Strict):
    """Pictures with exact masks, made from the textures and photographs that scikit-image, scikit-learn and matplotlib install."""

    kind: Literal["demo_seg"]
    """Made here, from installed textures."""
    seed: int = Field(1, ge=0)
    """Every draw follows from it."""
    train: int = Field(160, ge=1)
    """Pictures for training."""
    val: int = Field(24, ge=1)
    """Pictures for choosing a checkpoint."""
    test: int = Field(48, ge=1)
    """Pictures for testing."""
    size: int = Field(160, ge=32, le=256)
    """Side of the pictures, in pixels."""
    regions: tuple[Annotated[int, Field(ge=2)], Annotated[int, Field(ge=2)]] = (3, 6)
    """Fewest and most regions of a picture."""
    bend: Unit = 0.08
    """How far borders are displaced from straight lines, as a share of the side."""
    scale: PositiveRange = (0.6, 1.6)
    """Magnification of a texture; more where its part would not fill a picture."""
    tint_jitter: Unit = 0.4
    """How much the tint of a texture varies: the greater, the less colour tells."""
    texture_mean: UnitRange = (0.35, 0.55)
    """Mean to which a texture is exposed, so that brightness does not tell classes apart either."""

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.regions[0] > self.regions[1]:
            raise ValueError(f"regions: the lower bound {self.regions[0]} is above the upper bound {self.regions[1]}")
        return self


class MineData(Strict):
    """Pairs with masks from rendered coal-mine roadways (`lle.data.mine`), under the camera that is set here."""

    kind: Literal["mine"]
    """Made here, from rendered scenes."""
    source: Path = Path("data/mine_rendered")
    """Folder of rendered scenes; the project's own is in git, `lle render mine` makes more."""
    seed: int = Field(1, ge=0)
    """Of exposure and noise."""
    train_pairs: int = Field(2, ge=1)
    """Pairs of each training scene, each with its own exposure and noise; validation and test scenes have one."""


class Fractions(Strict):
    """Shares of the scenes by split; they add up to 1."""

    train: Unit = 0.0
    """Share for training."""
    val: Unit = 0.0
    """Share for choosing a checkpoint."""
    test: Unit = 0.0
    """Share for testing."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the shares add up to {total:g}; they must add up to 1")
        return self


Allowed = tuple[Literal["size", "orphan", "duplicate"], ...]
"""What is let pass with a warning: pairs of unequal size and pictures without a partner are left out then; equal pictures in two
splits stay."""


class FolderData(Strict):
    """Pictures that are already on disk; they stay where they are."""

    kind: Literal["folder"]
    """Read from a folder."""
    source: Path
    """The folder: `pairs.csv`, or `low/` and `normal/` (LOL's and other common names too), or low-light pictures alone."""
    paired: bool | None = None
    """true requires a reference for every picture, false makes each picture a row of its own; null takes pairs where there are."""
    split: Literal["train", "val", "test"] | Fractions | None = None
    """One split for all, or shares by scene. null takes the set's own, and where there is none 70/15/15 by scene."""
    seed: int = Field(1, ge=0)
    """Of the shuffle of scenes."""
    allow: Allowed = ()
    """Faults to go on with: `size` and `orphan` leave such pictures out, `duplicate` keeps pictures that are in two splits."""


class CatalogData(Strict):
    """A public data set of the catalog (`lle datasets` lists them), downloaded or brought."""

    kind: Literal["catalog"]
    """Known by name."""
    entry: str | None = None
    """Its id in the catalog; null takes the name of this section."""
    source: Path | None = None
    """A folder that holds it in its official layout; null is where `lle fetch` puts it. A set in LLE_DATA_MIRROR goes before it."""
    split: Literal["train", "val", "test"] | Fractions | None = None
    """One split for all, or shares by scene; null takes the official split, and `test` where there is none."""
    val: float = Field(0.0, ge=0, lt=1)
    """Share of the training scenes set aside for choosing a checkpoint, for sets without an official val split."""
    seed: int = Field(1, ge=0)
    """Of the shuffle of scenes, where `split` gives shares."""
    allow: Allowed = ()
    """Faults to go on with: `size` and `orphan` leave such pictures out, `duplicate` keeps pictures that are in two splits."""
    licences: tuple[str, ...] | None = None
    """Licences whose pictures are taken, such as public-domain, cc0, cc-by, cc-by-sa; null takes all. For sets that name one a picture."""


class JoinData(Strict):
    """Several prepared sets as one, to train on all of them."""

    kind: Literal["join"]
    """Put together from other sets."""
    parts: tuple[str, ...] = Field(min_length=1)
    """Their names; each is made or fetched first where it is not there."""
    shares: tuple[Annotated[float, Field(gt=0)], ...] | None = None
    """How often each is drawn from in training, against the others; null draws every picture equally often."""
    allow: tuple[Literal["duplicate"], ...] = ()
    """`duplicate` goes on with pictures that are in one split of one part and in another of another."""

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if len(set(self.parts)) < len(self.parts):
            raise ValueError("parts: a set is named twice; use `shares` to draw more from it")
        if self.shares is not None and len(self.shares) != len(self.parts):
            raise ValueError(f"shares: {len(self.shares)} shares for {len(self.parts)} parts; write one a part")
        return self


DataConfig = Annotated[DemoData | DemoSegData | MineData | FolderData | CatalogData | JoinData, Field(discriminator="kind")]
"""One entry of `data:`."""


@functools.cache
def catalog_names() -> tuple[str, ...]:
    """Returns the ids of the catalog, in alphabetical order."""
    return tuple(sorted(path.stem for path in CATALOG.glob("*.yaml")))


def settings_for(name: str, sections: Mapping[str, DataConfig]) -> DataConfig:
    """Returns the settings of a data set: its section, or the defaults of a set of the catalog.

    Args:
        name: of the set.
        sections: the section `data` of `params.yaml`.

    Raises:
        ConfigError: there is no such set; the message names the nearest one.
    """
    if name in sections:
        return sections[name]
    if name in catalog_names():
        return CatalogData(kind="catalog")
    near = did_you_mean(name, [*sections, *catalog_names()])
    raise ConfigError(
        f"there is no data set '{name}': no section under `data`, and nothing in the catalog.{near} `lle datasets` lists them."
    )
