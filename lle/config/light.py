"""Settings of lights and of a sensor: ranges from which a value is drawn for each picture."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lle.config.base import Strict
from lle.config.ranges import PositiveRange, Range, UnitRange


class Camera(Strict):
    """The sensor: what it adds to the light that reaches it."""

    photons: PositiveRange = (1500.0, 6000.0)
    """Photo-electrons of a pixel at full scale; fewer give more shot noise. Drawn uniformly in the logarithm."""
    read_noise: Range = (1.0, 3.0)
    """Standard deviation of the read-out, in electrons."""


class Room(Strict):
    """A photograph taken in dim light: everything darker, some parts more than others."""

    exposure: UnitRange = (0.03, 0.15)
    """Factor on linear light. Drawn uniformly in the logarithm: equal shares of each photographic stop."""
    unevenness: UnitRange = (0.2, 0.7)
    """How much darker the darkest part is lit than the brightest: 0 is even light."""
    warmth: UnitRange = (0.0, 0.12)
    """Loss of blue light of a warm lamp; green loses a third of it."""


class Mine(Strict):
    """A roadway underground: a few lamps, the photographer's cap lamp, dust, darkness elsewhere."""

    exposure: UnitRange = (0.12, 0.35)
    """Factor on linear light where the light is brightest. Drawn uniformly in the logarithm."""
    lamps: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = (1, 3)
    """Fewest and most lamps in view."""
    reach: PositiveRange = (0.12, 0.35)
    """Distance of a lamp from the wall it lights, in picture diagonals: the greater, the softer its fall-off."""
    cap_lamp: UnitRange = (0.3, 0.9)
    """Brightness of the cap lamp's cone against the brightest lamp."""
    cone: PositiveRange = (0.15, 0.3)
    """Radius of the cap lamp's cone, in picture diagonals."""
    ambient: UnitRange = (0.03, 0.1)
    """Light where no lamp reaches, against the brightest; not 0, for what no light reaches nobody can restore."""
    haze: Range = (0.02, 0.25)
    """Optical depth of the dust from the camera to the end of the roadway."""
    glare: UnitRange = (0.0, 0.5)
    """Brightness of the bulbs and of the glow round them; 0 leaves the lamps out of view."""
    warmth: UnitRange = (0.0, 0.15)
    """Loss of blue light of a warm lamp; green loses a third of it."""


class Published(Strict):
    """The darkening of the papers, beta * (alpha * I) ** gamma on stored values, followed by the camera's noise."""

    alpha: UnitRange = (0.9, 1.0)
    """Factor on stored values before the power."""
    beta: UnitRange = (0.5, 1.0)
    """Factor after the power."""
    gamma: PositiveRange = (1.5, 5.0)
    """The power."""
    noise: bool = False
    """Whether shot and read noise are added; the published sets have none."""
