"""Files that are given as weights and are none, or are damaged: what they are is said, and a model that is there stays."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lle import registry
from tests.regression.troubles.command import Command, picture


def state() -> dict[str, Any]:
    return {key.removeprefix("network."): value for key, value in registry.create("zero_dce", {"width": 4}).state_dict().items()}


def saved(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


class Evil:
    def __reduce__(self) -> Any:
        return (time.sleep, (0,))


FILES = {
    "web page": (b"<!DOCTYPE html><html>Quota exceeded</html>", "is a web page"),
    "quota notice": (b"Sorry, the owner hasn't given you permission to download this file.", "is a text, not weights. It begins with"),
    "LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n", "is a pointer of Git LFS"),
    "empty": (b"", "is empty: fetch it again."),
    "zeros": (bytes(4000), "holds nothing but zeros"),
    "half": (saved(state())[:2000], "is damaged, or no file of weights"),
    "code": (saved({"state_dict": Evil()}), "could run code, so it was not read"),
    "list": (saved([1, 2]), "holds a list, not a state dict"),
    "numbers for names": (saved({0: torch.zeros(2)}), "keys are no names"),
    "NaN": (saved({key: value * torch.nan for key, value in state().items()}), "NaN or infinite values in"),
    "another width": (
        saved({key: value[:1] for key, value in state().items()}),
        "do not fit DceNet: e_conv1.bias is (1,) instead of (4,), ",
    ),
    "other names": (saved({f"net.{key}": value for key, value in state().items()}), "do not fit DceNet: missing: e_conv1.bias"),
    "overflow": (saved({key: value.sign() * 1e38 for key, value in state().items()}), "a test picture becomes NaN or infinite"),
}


@pytest.mark.parametrize("kind", FILES)
def test_the_file_is_refused_and_the_model_stays(command: Command, kind: str) -> None:
    content, message = FILES[kind]
    (command.folder / "fine.pth").write_bytes(saved(state()))
    command("weights", "import", "zero_dce", "fine.pth", "-o", "model").succeeds()
    before = {name: (command.folder / "model" / name).read_bytes() for name in command.files("model")}
    (command.folder / "given.pth").write_bytes(content)
    command("weights", "import", "zero_dce", "given.pth", "-o", "model").fails("given.pth", message)
    assert {name: (command.folder / "model" / name).read_bytes() for name in command.files("model")} == before


@pytest.mark.parametrize("name", ["quota_page.pth", "lfs_pointer.pth", "nan_weights_zero_dce.pth"])
def test_files_of_the_workplace(command: Command, shared: Path, name: str) -> None:
    if not (shared / "troubles" / name).is_file():
        pytest.skip(f"no {name}")
    options = ("-o", "model", "-S", "methods.zero_dce.width=32")
    command("weights", "import", "zero_dce", shared / "troubles" / name, *options).fails(name)
    assert not (command.folder / "model").exists()


def test_damaged_weights_of_a_model_write_no_picture(command: Command) -> None:
    (command.folder / "fine.pth").write_bytes(saved(state()))
    command("weights", "import", "zero_dce", "fine.pth", "-o", "model").succeeds()
    file = command.folder / "model" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    picture().save(command.folder / "in" / "a.png")
    command("enhance", "./model", "in", "-o", "out").fails("model.safetensors is damaged or no safetensors file")
    assert not (command.folder / "out").exists()


def test_settings_hold_for_every_command_that_takes_a_model(command: Command) -> None:
    Image.fromarray(np.full((64, 128, 3), 60, np.uint8)).save(command.folder / "in" / "a.png")
    results = []
    for exponent in (0.9, 0.3):
        setting = ("-S", f"methods.gamma.gamma={exponent}")
        command("export", "gamma", "--format", "torchscript", *setting).succeeds()
        command("enhance", "build/exported/gamma-fp32.torchscript", "in", "-o", f"file{exponent}").succeeds()
        command("enhance", "gamma", "in", "-o", f"torch{exponent}", *setting).succeeds()
        both = [(command.folder / f"{kind}{exponent}" / "a.png").read_bytes() for kind in ("file", "torch")]
        assert both[0] == both[1]
        results.append(both[0])
    assert results[0] != results[1]
    command("flicker", "./none", "own", "-S", "methods.gamma.gamma=0.3").fails("-S changes the settings of a method named by its id")


def test_a_training_that_is_older_than_an_unfinished_one_is_not_measured(command: Command) -> None:
    for number in range(7):
        for side in ("low", "normal"):
            picture(seed=number).save(command.folder / f"own/{side}/{number}.png")
    command("train", "zero_dce", "--no-live").succeeds()
    command("evaluate", "zero_dce", "own").succeeds()
    before = command.files("reports")
    # What a training leaves that was killed in its first iterations.
    begun = command.folder / "build" / "scratch" / f"zero_dce-{'0a' * 8}"
    begun.mkdir(parents=True)
    said = command("evaluate", "zero_dce", "own").fails("is older than a training of 'zero_dce'")
    assert f"rm -r build/scratch/{begun.name}" in said
    assert command.files("reports") == before
    for words in (("profile", "zero_dce"), ("flicker", "zero_dce", "own"), ("benchmark", "video", "zero_dce")):
        command(*words).fails("is older than a training", f"rm -r build/scratch/{begun.name}")
    assert command.files("reports") == before
    assert "is older than a training" in command("export", "zero_dce", "--format", "torchscript").succeeds()
    assert "is older than a training" in command("enhance", "zero_dce", "own/low", "-o", "out").succeeds()
    command("train", "zero_dce", "--no-live", "--seed", 3).succeeds()
    command("evaluate", "zero_dce", "own").succeeds()
