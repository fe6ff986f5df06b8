"""Commands in a folder of their own, and what they must not do when something is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result
from PIL import Image

from lle.cli import main

SETTINGS = """seed: 0
suite: {methods: [gamma], datasets: [own], prepare: [own]}
train: {data: own, threads: 1, validate_every: 2}
profile: {sizes: [[64, 64]]}
data:
  own: {kind: folder, source: own}
methods:
  zero_dce: {width: 4, iterations: 3, batch_size: 2, crop: 32}
"""


def picture(size: tuple[int, int] = (48, 40), seed: int = 0) -> Image.Image:
    """Returns a picture of noise; size is width, height."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


@dataclass
class Ended:
    """How a command ended."""

    result: Result
    line: str

    def succeeds(self) -> str:
        """Requires exit status 0 and returns what was said."""
        self._clean()
        assert self.result.exit_code == 0, f"{self.line}\n{self.result.output}"
        return self.result.output

    def fails(self, *messages: str, code: int = 1) -> str:
        """Requires an exit status, and a short message that holds these texts."""
        self._clean()
        assert self.result.exit_code == code, f"{self.line}: {self.result.exit_code}\n{self.result.output}"
        said = self.result.output.partition("Error: ")[2]
        assert said, f"{self.line} ended without a message: {self.result.output}"
        for message in messages:
            assert message in said, f"{self.line}: {message!r} is not in\n{said}"
        # What went wrong and what to do: a list of pictures or keys may follow in lines of its own.
        assert len(re.findall(r"[a-z)`'\]]\. [A-Z]", said.splitlines()[0])) <= 2, said
        return said

    def _clean(self) -> None:
        error = self.result.exception
        assert error is None or isinstance(error, SystemExit), f"{self.line}: {type(error).__name__}: {error}"
        assert "Traceback" not in self.result.output
        assert "weights_only" not in self.result.output


@dataclass
class Command:
    """Runs `lle` in a folder with small settings.

    Attributes:
        folder: the current folder of all commands.
    """

    folder: Path

    def __call__(self, *words: object) -> Ended:
        line = [str(word) for word in words]
        return Ended(CliRunner().invoke(main, line), f"lle {' '.join(line)}")

    def files(self, name: str) -> set[str]:
        """Returns the files below a folder, hidden ones too."""
        home = self.folder / name
        return {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()}
