"""Painted panels with text. Texts differ between the splits, so that no sign of a test scene was seen in training."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lle.data.mine.fields import noise_map

_CELL = (192, 256)
_COLUMNS = 6
TEXTS: dict[str, dict[str, tuple[str, ...]]] = {
    "train": {
        "blue": ("BELT ROADWAY {}", "LEVEL -{}00 m", "CROSSCUT {}", "TRACK {}", "RETURN AIR {}"),
        "green": ("EXIT", "{}0 m", "<< EXIT", "FIRST AID"), "red": ("NO SMOKING", "STOP", "FIRE POINT", "NO ENTRY"),
        "white": ("RULES", "SUPPORT PLAN", "CH4 0.{} %", "DUTY LIST"),
        "yellow": ("DANGER", "660 V", "1140 V", "ROOF"),
    },
    "val": {
        "blue": ("INTAKE {}", "DRIFT {}", "SUMP {}"), "green": ("WAY OUT", "{}5 m"), "red": ("HALT", "HYDRANT"),
        "white": ("SHIFT PLAN", "CO 0.{} ppm"), "yellow": ("CAUTION", "3300 V"),
    },
    "test": {
        "blue": ("HAULAGE {}", "PANEL {}", "SEAM {}", "SHAFT {}"), "green": ("REFUGE", "{}2 m", "ESCAPE >>"),
        "red": ("KEEP OUT", "SLOW", "ALARM"),
        "white": ("GAS CHECK", "AIR {} m3/s", "ORDERS"), "yellow": ("WARNING", "10 kV", "BLASTING"),
    },
}  # fmt: skip
_BACK = {
    "blue": (25, 75, 170),
    "green": (25, 140, 70),
    "yellow": (235, 190, 20),
    "red": (190, 25, 25),
    "tag": (235, 235, 235),
    "white": (225, 225, 220),
}


def sign_image(rng: np.random.Generator, split: str, kinds: tuple[str, ...] = tuple(_BACK)) -> tuple[np.ndarray, str]:
    """Draws one panel: a H x W x 3 uint8 sRGB picture, at most 192 x 256, and its text ("" for a marker of squares)."""
    kind = kinds[int(rng.integers(len(kinds)))]
    width, height = (200, 120) if kind in ("blue", "green", "white") else (140, 140)
    if kind == "white" and rng.random() < 0.5:
        width, height = 120, 170
    ink = (245, 245, 245) if kind in ("blue", "green", "red") else (15, 15, 15)
    picture = Image.new("RGB", (width, height), _BACK[kind])
    draw = ImageDraw.Draw(picture)
    draw.rectangle([3, 3, width - 4, height - 4], outline=ink, width=3)
    text = ""
    if kind == "tag":
        _marker(draw, width, rng)
    else:
        choices = TEXTS[split][kind]
        text = choices[int(rng.integers(len(choices)))].format(int(rng.integers(1, 30)))
        if kind == "yellow":
            draw.polygon([(width / 2, 14), (12, height - 34), (width - 12, height - 34)], outline=ink, fill=(250, 210, 30))
            draw.line([(width / 2, 45), (width / 2, 85)], fill=ink, width=9)
            draw.text((width / 2, height - 18), text, fill=ink, anchor="mm", font=ImageFont.load_default(20))
        else:
            size = min(34, int(1.55 * (width - 20) / max(4, len(text))))
            draw.text((width / 2, height * 0.3), text, fill=ink, anchor="mm", font=ImageFont.load_default(size))
            _small_print(draw, width, height, ink, rng)
    clean = np.asarray(picture).astype(float) / 255
    dust = np.clip(0.18 + 0.16 * noise_map(256, 2.2, rng)[:height, :width], 0, 0.75)[..., None]
    return ((clean * (1 - dust) + 0.36 * dust) * 255).astype(np.uint8), text


def _marker(draw: ImageDraw.ImageDraw, width: int, rng: np.random.Generator) -> None:
    cell = width // 8
    draw.rectangle([cell, cell, width - cell, width - cell], fill=(10, 10, 10))
    bits = rng.integers(0, 2, (4, 4))
    for i, j in np.argwhere(bits) + 1:
        draw.rectangle([cell * (j + 1), cell * (i + 1), cell * (j + 2), cell * (i + 2)], fill=(240, 240, 240))


def _small_print(draw: ImageDraw.ImageDraw, width: int, height: int, ink: tuple[int, int, int], rng: np.random.Generator) -> None:
    for y in np.arange(height * 0.52, height - 16, 16):
        x = 18.0
        while x < width - 26:
            word = rng.uniform(8, 26)
            draw.rectangle([x, y, min(x + word, width - 18), y + 7], fill=ink)
            x += word + 7


@dataclass
class Signs:
    """Panels of one scene and the atlas of their pictures.

    Attributes:
        split: whose texts are used.
        rng: source of every draw.
        texts: what the panels say.
    """

    split: str
    rng: np.random.Generator
    texts: list[str] = field(default_factory=list)
    _panels: list[tuple[np.ndarray, np.ndarray, float, np.ndarray, str]] = field(default_factory=list)

    def put(self, place: object, facing: object, width: float, kinds: tuple[str, ...] = tuple(_BACK)) -> float:
        """Hangs a panel of a width (m) at a place (centre) that faces a direction; returns its height, m. Above 36, none is added."""
        picture, text = sign_image(self.rng, self.split, kinds)
        height = width * picture.shape[0] / picture.shape[1]
        if len(self._panels) < _COLUMNS**2:
            self._panels.append((np.asarray(place, float), np.asarray(facing, float), width, picture, text))
            if text:
                self.texts.append(text)
        return height

    def atlas(self) -> np.ndarray:
        """All pictures in one, uint8 sRGB, 6 x 6 cells of 192 x 256."""
        sheet = np.full((_CELL[0] * _COLUMNS, _CELL[1] * _COLUMNS, 3), 128, np.uint8)
        for k, (_, _, _, picture, _) in enumerate(self._panels):
            top, left = k // _COLUMNS * _CELL[0], k % _COLUMNS * _CELL[1]
            sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        return sheet

    def labelled(self) -> list[tuple[str, np.ndarray]]:
        """Text and corners (4 x 3, as in `quads`) of the panels that have a text."""
        return [(panel[-1], corners) for panel, (corners, _) in zip(self._panels, self.quads(), strict=True) if panel[-1]]

    def quads(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Corners (4 x 3, upper left, lower left, lower right, upper right as read) and atlas coordinates (4 x 2; v runs down)."""
        result = []
        for k, (place, facing, width, picture, _) in enumerate(self._panels):
            out = facing / np.linalg.norm(facing)
            up = np.array([0.0, 1.0, 0.0]) - out[1] * out
            up /= np.linalg.norm(up)
            right = np.cross(up, out)
            half_h = width * picture.shape[0] / picture.shape[1] / 2
            corners = np.stack([place + right * width / 2 * a + up * half_h * b for a, b in ((-1, 1), (-1, -1), (1, -1), (1, 1))])
            top, left = k // _COLUMNS * _CELL[0], k % _COLUMNS * _CELL[1]
            bottom, end = top + picture.shape[0], left + picture.shape[1]
            uv = np.array([(left, top), (left, bottom), (end, bottom), (end, top)], float) / [_CELL[1] * _COLUMNS, _CELL[0] * _COLUMNS]
            result.append((corners, uv))
        return result
