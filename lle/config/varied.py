"""Settings of `lighting: varied`: which lights pictures are taken under again, how often each, and with what camera."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from lle.config.base import Strict
from lle.config.light import Mine, Room
from lle.config.ranges import PositiveRange, Range, Unit, UnitRange


class Shares(Strict):
    """Share of the pictures under each light; they add up to 1. Issue 13 asks for 15 % lit and 10 % over-bright pictures."""

    room: Unit = 0.2
    """Uneven light of a dim room."""
    mine: Unit = 0.2
    """Lamps underground."""
    night: Unit = 0.2
    """Coloured lamps in the dark."""
    backlight: Unit = 0.15
    """A bright window or sky behind a dark subject."""
    lit: Unit = 0.15
    """Normal light: the answer is the picture itself."""
    bright: Unit = 0.1
    """Over-exposed: the answer is the well-exposed picture."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = sum(self.model_dump().values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the shares add up to {total:g}; they must add up to 1")
        return self


class Night(Strict):
    """Out of doors after dark: pools of coloured light, and little from the sky."""

    exposure: UnitRange = (0.06, 0.25)
    """Factor on linear light where the lamps are brightest: 4 to 2 stops under. Drawn uniformly in the logarithm."""
    lamps: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = (1, 4)
    """Fewest and most lamps."""
    temperature: PositiveRange = (2000.0, 5000.0)
    """Colour of the lamps, in kelvin: sodium street lamps look like 2000 K, warm white LEDs like 2700 to 3000 K, neutral ones like 4000
    to 5000 K (IES Lighting Handbook, 10th ed.)."""
    sky: PositiveRange = (7000.0, 12000.0)
    """Colour of the light of the sky at dusk, in kelvin: blue sky is at 10000 K and above, an overcast one at 6500 to 7500 K (ibid.)."""
    balance: UnitRange = (0.1, 0.7)
    """Share of a light's cast that the camera's white balance takes off; less than all, since cameras keep some warmth of lamps. Ours,
    chosen by eye."""
    reach: PositiveRange = (0.15, 0.5)
    """Distance of a lamp from what it lights, in picture diagonals. Ours: twice that of lamps underground, for lamps stand higher."""
    ambient: UnitRange = (0.08, 0.3)
    """Light of the sky against the brightest place. EN 13201-2 asks of street lighting a least illuminance of 0.2 to 0.4 of the
    mean, which is about 0.1 to 0.2 of the greatest."""
    glare: UnitRange = (0.0, 0.8)
    """Brightness of the bulbs and of the glow round them; 0 leaves the lamps out of view. Ours, chosen by eye."""

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.lamps[0] > self.lamps[1]:
            raise ValueError(f"lamps: the lower bound {self.lamps[0]} is above the upper bound {self.lamps[1]}")
        return self


class Backlight(Strict):
    """A camera that exposes for a window or a sky: what stands before it is dark (as in BAID: Lv et al., CVIU 218, 2022)."""

    window: Unit = 0.4
    """Share of pictures with a window; the others have the picture's own bright parts, such as a sky, behind the subject."""
    exposure: UnitRange = (0.04, 0.2)
    """Factor on linear light of the subject: daylight outside is 3 to 5 stops above a lit room. Drawn uniformly in the logarithm."""
    behind: PositiveRange = (0.7, 1.8)
    """Factor on linear light of what is bright; above 1 it begins to clip."""
    size: UnitRange = (0.2, 0.55)
    """Width and height of a window against those of the picture."""
    rim: PositiveRange = (0.004, 0.02)
    """Softness of the border of a window, in picture diagonals: it is out of focus."""
    bright: UnitRange = (0.55, 0.85)
    """Quantile of the picture's smoothed brightness above which it is the bright background, where there is no window."""
    flare: UnitRange = (0.0, 0.03)
    """Veiling light of the lens against the mean light: 0.5 to 3 % of lenses (ISO 9358, veiling glare index)."""


class Bright(Strict):
    """Over-exposed."""

    stops: Range = (0.7, 2.0)
    """Stops above the well-exposed picture. SICE's brackets (Cai et al., IEEE TIP 27(4), 2018) go to +3; above 2 little is left to
    restore."""
    knee: UnitRange = (0.6, 0.9)
    """Linear value up to which the camera answers in proportion; above, it approaches 1 exponentially, as cameras' tone curves do."""


class Handheld(Strict):
    """A camera with demosaicking, denoising, JPEG and a lens that is darker towards the corners."""

    full_well: PositiveRange = (20000.0, 60000.0)
    """Electrons of a pixel at full scale and ISO 100; EMVA 1288 data sheets name about 10000 for pixels of 3.45 um and 32000 for 5.86 um
    (Sony IMX250, IMX174), and it grows with the area. Drawn uniformly in the logarithm."""
    iso: PositiveRange = (400.0, 3200.0)
    """ISO in the dark; full scale is `full_well` x 100 / ISO electrons. What a hand holds still. Drawn uniformly in the logarithm."""
    iso_lit: PositiveRange = (100.0, 400.0)
    """ISO in good light."""
    read_noise: Range = (1.0, 3.0)
    """Standard deviation of the read-out, in electrons: of CMOS sensors at these ISO (EMVA 1288 data sheets)."""
    denoise: UnitRange = (0.2, 0.8)
    """Share of the fine noise that the camera takes off brightness; colour loses its fine noise altogether, as in every camera's
    JPEG, and keeps blotches. Ours, chosen by eye."""
    jpeg: Unit = 0.5
    """Share of pictures that went through JPEG."""
    quality: tuple[Annotated[int, Field(ge=1, le=100)], Annotated[int, Field(ge=1, le=100)]] = (75, 95)
    """JPEG quality (of libjpeg): 75 is its default, cameras are at 85 to 95."""
    vignetting: UnitRange = (0.0, 0.4)
    """Light that is lost in the corners. By the cos^4 law a lens of 57 degrees (diagonal) loses 0.4."""

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.quality[0] > self.quality[1]:
            raise ValueError(f"quality: the lower bound {self.quality[0]} is above the upper bound {self.quality[1]}")
        return self


class Varied(Strict):
    """A mixture of lights. `room` and `mine` within it take the ranges below, not those of the set."""

    shares: Shares = Shares()
    """How often each light is drawn."""
    room: Room = Room()
    """Dim rooms."""
    mine: Mine = Mine()
    """Mines."""
    night: Night = Night()
    """Nights."""
    backlight: Backlight = Backlight()
    """Backlight."""
    lit_mean: UnitRange = (0.3, 0.6)
    """Mean to which lit training pictures are exposed: wider than `reference_mean`, so that a picture is left alone whatever its mean."""
    bright: Bright = Bright()
    """Over-exposure."""
    camera: Handheld = Handheld()
    """The camera."""
