"""Damaged inputs of each kind, the command that gets them, and what must still be there afterwards."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from lle.results.benchmarks import Fault

FORMATS = ("png", "jpg", "tiff", "webp", "gif", "bmp", "ppm")
SETTINGS = """# A small suite: one method, one data set, and the settings of another method.
seed: 0  # every draw follows from it
suite: {methods: [gamma], datasets: [own], prepare: [own]}
train: {data: own}
profile: {sizes: [[64, 64]]}
data:
  own: {kind: folder, source: pairs}
  lol_v1: {kind: catalog}
methods:
  zero_dce: {width: 8, lr: 1.0e-3, betas: [0.9, 0.999]}
# Nothing follows. What is damaged in a comment changes nothing, and what is damaged elsewhere is named with its line or its key.
"""
LIST = "low,normal,split,scene\nlow/a.png,normal/a.png,train,a\nlow/b.png,normal/b.png,val,b\nlow/c.png,normal/c.png,test,c\n"
_SIDE = 32


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """Damages a file: one to three times bytes are changed, cut out, repeated, zeroed, or its end is cut off."""
    found = bytearray(data)
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        if not found:
            break
        # Heads decide how the rest is read, so half of the damage lies there.
        reach = min(len(found), 128) if rng.random() < 0.5 else len(found)
        start = int(rng.integers(reach))
        end = min(len(found), start + int(rng.choice([1, 2, 4, 16, 64])))
        way = int(rng.choice(7, p=[0.25, 0.2, 0.15, 0.1, 0.1, 0.1, 0.1]))
        if way == 0:
            found[start] ^= 1 << int(rng.integers(8))
        elif way == 1:
            found[start] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF, 0x0A, 0x22, 0x2C, 0x3A, 0x7B]))
        elif way == 2:
            found[start:end] = rng.integers(0, 256, end - start, dtype=np.uint8).tobytes()
        elif way == 3:
            found[start:end] = bytes(end - start)
        elif way == 4:
            del found[start:end]
        elif way == 5:
            found[end:end] = found[start:end] * int(rng.integers(1, 4))
        else:
            del found[int(rng.integers(len(found))) :]
    return bytes(found)


def _recode(text: str, data: bytes, rng: np.random.Generator) -> bytes:
    """A list or settings in another encoding now and then, with letters beyond ASCII."""
    if rng.random() < 0.75:
        return data
    encoding = ("gb18030", "utf-16", "latin-1", "utf-8-sig")[int(rng.integers(4))]
    return mutate((text + "# \u4e95\u4e0b caf\xe9\n").encode(encoding, "replace"), rng)


class Bench:
    """A folder with a small project, in which commands run with damaged inputs.

    Args:
        folder: becomes the current folder of this process.
    """

    def __init__(self, folder: Path) -> None:
        import torch
        from safetensors.torch import save_file

        from lle import registry

        os.chdir(folder)
        os.environ.pop("LLE_DATA_MIRROR", None)
        Path("params.yaml").write_text(SETTINGS, encoding="utf-8")
        self.pictures = [self._encoded(name, number) for number, name in enumerate(FORMATS)]
        for name in "abc":
            for side, seed in (("low", 1), ("normal", 2)):
                self._picture(Path(f"pairs/{side}/{name}.png"), seed * 10 + ord(name))
        Path("pairs/pairs.csv").write_text(LIST, encoding="utf-8")
        members = {f"{split}/{side}/{n}.png": None for split in ("our485", "eval15") for side in ("low", "high") for n in (1, 2)}
        self.archives = [self._archive(list(members), ending) for ending in ("zip", "tar", "tar.gz")]
        whole = registry.create("zero_dce", {"width": 8}).state_dict()
        state = {key.removeprefix("network."): value for key, value in whole.items()}
        save_file({key: value.contiguous() for key, value in state.items()}, "whole.safetensors")
        buffer = io.BytesIO()
        torch.save(state, buffer)
        self.weights = [("pth", buffer.getvalue()), ("safetensors", Path("whole.safetensors").read_bytes())]

    def run(self, kind: str, case: int, seed: int) -> str | Fault:
        """Runs one damaged input.

        Returns:
            `read` where the command succeeded, `refused` where it ended with a message, or what went wrong.
        """
        found = KINDS[kind](self, np.random.default_rng((seed, case)))
        if not isinstance(found, tuple):
            return found
        return Fault(kind=kind, case=case, fault=found[0], message=found[1][:500])

    def picture(self, rng: np.random.Generator) -> str | tuple[str, str]:
        """`lle enhance` of a damaged picture between two sound ones."""
        place = int(rng.integers(len(self.pictures)))
        for folder in ("in", "out"):
            shutil.rmtree(folder, ignore_errors=True)
        for name in ("a", "c"):
            self._picture(Path(f"in/{name}.png"), 7)
        Path(f"in/b.{FORMATS[place]}").write_bytes(mutate(self.pictures[place], rng))
        outcome = _invoke("enhance", "gamma", "in", "-o", "out")
        names = {path.name for path in Path("out").glob("*")} if Path("out").is_dir() else set()
        if not {"a.png", "c.png"} <= names <= {"a.png", "b.png", "c.png"}:
            return "lost", f"out holds {sorted(names)}"
        return outcome

    def archive(self, rng: np.random.Generator) -> str | tuple[str, str]:
        """`lle fetch --from` of a damaged archive, where the set is there already."""
        ending, data = self.archives[int(rng.integers(len(self.archives)))]
        file = Path(f"given.{ending}")
        if not Path("build/data/lol_v1").is_dir():
            file.write_bytes(data)
            _invoke("fetch", "lol_v1", "--from", str(file))
        file.write_bytes(mutate(data, rng))
        outcome = self._keeping(("build/data", "build/raw"), "fetch", "lol_v1", "--from", str(file))
        file.unlink()
        return outcome

    def pairs(self, rng: np.random.Generator) -> str | tuple[str, str]:
        """`lle fetch` of a folder with a damaged list of pairs, where the set is there already."""
        file = Path("pairs/pairs.csv")
        if not Path("build/data/own").is_dir():
            _invoke("fetch", "own")
        file.write_bytes(_recode(LIST, mutate(LIST.encode(), rng), rng))
        try:
            return self._keeping(("build/data", "pairs"), "fetch", "own")
        finally:
            file.write_text(LIST, encoding="utf-8")

    def settings(self, rng: np.random.Generator) -> str | tuple[str, str]:
        """`lle config check` and `lle config format` of damaged settings; refused ones must stay as they are."""
        file = Path("settings/params.yaml")
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(_recode(SETTINGS, mutate(SETTINGS.encode(), rng), rng))
        outcome = self._keeping(("settings",), "config", "check", "--params", str(file), always=True)
        return outcome if isinstance(outcome, tuple) else self._keeping(("settings",), "config", "format", "--params", str(file))

    def weight_file(self, rng: np.random.Generator) -> str | tuple[str, str]:
        """`lle weights import` of damaged weights over a model that is there."""
        ending, data = self.weights[int(rng.integers(len(self.weights)))]
        if not Path("model").is_dir():
            Path("given.pth").write_bytes(self.weights[0][1])
            _invoke("weights", "import", "zero_dce", "given.pth", "-o", "model")
        file = Path(f"damaged.{ending}")
        file.write_bytes(mutate(data, rng))
        return self._keeping(("model",), "weights", "import", "zero_dce", str(file), "-o", "model")

    def video(self, rng: np.random.Generator) -> str | tuple[str, str]:
        """`lle enhance` of a damaged video, where an older result is there."""
        from lle.measure.video_speed import write

        suffix = (".mp4", ".mkv", ".ts", ".avi")[int(rng.integers(4))]
        whole = Path(f"whole{suffix}")
        if not whole.is_file():
            write(whole, 12, (128, 160))
        file = Path(f"damaged{suffix}")
        file.write_bytes(mutate(whole.read_bytes(), rng))
        Path("films").mkdir(exist_ok=True)
        Path("films/out.mp4").write_bytes(b"older")
        outcome = self._keeping(("films",), "enhance", "gamma", str(file), "-o", "films/out.mp4", "--force")
        if [path.name for path in Path("films").iterdir()] != ["out.mp4"]:
            return "lost", f"films holds {sorted(path.name for path in Path('films').iterdir())}"
        return outcome

    def _keeping(self, folders: Sequence[str], *words: str, always: bool = False) -> str | tuple[str, str]:
        """Runs a command that must leave folders as they were where it ends with an error (or `always`), and no hidden files."""
        before = _digests(folders)
        outcome = _invoke(*words)
        after = _digests(folders)
        if (outcome == "refused" or always) and after != before:
            changed = [name for name in {*before, *after} if before.get(name) != after.get(name)]
            return "lost", f"changed although refused: {sorted(changed)[:5]}"
        return outcome

    @staticmethod
    def _picture(path: Path, seed: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (_SIDE, _SIDE, 3), dtype=np.uint8)).save(path)

    @staticmethod
    def _encoded(suffix: str, seed: int) -> bytes:
        buffer = io.BytesIO()
        picture = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (_SIDE, _SIDE, 3), dtype=np.uint8))
        if suffix in ("jpg", "tiff"):
            exif = picture.getexif()
            exif[0x0112], exif[0x011A] = 6, 72.0  # orientation, resolution
            picture.save(buffer, {"jpg": "jpeg"}.get(suffix, suffix), exif=exif)
        else:
            picture.save(buffer, suffix)
        return buffer.getvalue()

    def _archive(self, names: Sequence[str], ending: str) -> tuple[str, bytes]:
        buffer = io.BytesIO()
        contents = [(name, self._encoded("png", 100 + number)) for number, name in enumerate(names)]
        if ending == "zip":
            with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as stream:
                for name, content in contents:
                    stream.writestr(f"LOL/{name}", content)
        else:
            with tarfile.open(fileobj=buffer, mode="w:gz" if ending.endswith("gz") else "w:") as tar:
                for name, content in contents:
                    member = tarfile.TarInfo(f"LOL/{name}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
        return ending, buffer.getvalue()


def _invoke(*words: str) -> str | tuple[str, str]:
    """Runs a command in this process."""
    from click.testing import CliRunner

    from lle.cli import main

    result = CliRunner().invoke(main, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return "traceback", f"lle {' '.join(words)}: {type(result.exception).__name__}: {result.exception}"
    if result.exit_code == 0:
        return "read"
    if result.exit_code == 1 and "Error: " in result.output and "Traceback" not in result.output:
        return "refused"
    return "silent", f"lle {' '.join(words)}: exit status {result.exit_code}: {result.output}"


def _digests(folders: Sequence[str]) -> dict[str, str]:
    paths = [path for folder in folders for path in Path(folder).rglob("*") if path.is_file()]
    return {path.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.suffix != ".lock"}


KINDS: dict[str, Callable[[Bench, np.random.Generator], str | tuple[str, str]]] = {
    "picture": Bench.picture,
    "archive": Bench.archive,
    "pairs": Bench.pairs,
    "settings": Bench.settings,
    "weights": Bench.weight_file,
    "video": Bench.video,
}
"""How an input of each kind is made and run."""
USUAL = tuple(kind for kind in KINDS if kind != "video")
"""Kinds that need nothing but the core; video needs PyAV and is run by itself."""
