"""What a request may ask for; the same options as those of `lle enhance`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lle.infer.adjust import Adjust
from lle.infer.pictures import QUALITY
from lle.serve.settings import RefusedError
from lle.serve.work import Wanted

MEDIA = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "tiff": "image/tiff"}
"""Types of what is sent, by format."""


class Options(BaseModel):
    """Options of a request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = Field(None, max_length=200, description="One of `GET /models`; the first one if left out.")
    strength: float = Field(1.0, ge=0, le=2, allow_inf_nan=False, description="0 gives the input, 1 the result; above 1 exaggerates.")
    brightness: float = Field(1.0, ge=0.1, le=10, allow_inf_nan=False, description="Of the result; above 1 brightens.")
    format: Literal["png", "jpg", "webp", "tiff"] = Field("png", description="Of the result.")
    quality: int = Field(QUALITY, ge=1, le=100, description="Of JPEG and WebP.")
    eight_bits: bool = Field(False, description="8 bits a channel also where the input has 16.")

    def with_fields(self, fields: Mapping[str, str]) -> Options:
        """Returns these options, those of a form taking the place of those of the address.

        Raises:
            RefusedError: 422: one is unknown or out of range.
        """
        try:
            return Options.model_validate({**self.model_dump(exclude_unset=True), **fields}) if fields else self
        except ValidationError as error:
            found = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
            raise RefusedError(422, "; ".join(found)) from error

    def wanted(self, models: Mapping[str, object]) -> Wanted:
        """Returns what is to be done with each picture.

        Args:
            models: by name, the first one being that of a request that names none.

        Raises:
            RefusedError: 422: there is no such model.
        """
        name = next(iter(models)) if self.model is None else self.model
        if name not in models:
            raise RefusedError(422, f"there is no such model here; there are: {', '.join(models)}")
        return Wanted(name, self.format, self.quality, self.eight_bits, Adjust(self.strength, self.brightness))
