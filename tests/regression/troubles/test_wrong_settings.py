"""Settings as people write them: encodings, values that cannot be, and how the line is named."""

from __future__ import annotations

import pytest
from lightning.pytorch.accelerators import AcceleratorRegistry
from lightning.pytorch.strategies import StrategyRegistry

from lle.config.schema import STRATEGIES, TrainConfig
from tests.regression.troubles.command import SETTINGS, Command


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_are_read_where_their_mark_names_them(command: Command, encoding: str) -> None:
    (command.folder / "params.yaml").write_text(SETTINGS + "# 井下\n", encoding=encoding)
    command("config", "check").succeeds()


@pytest.mark.parametrize("encoding", ["gb18030", "latin-1"])
def test_an_encoding_in_doubt_names_the_line(command: Command, encoding: str) -> None:
    text = SETTINGS + {"gb18030": "# 井下\n", "latin-1": "# café\n"}[encoding]
    (command.folder / "params.yaml").write_text(text, encoding=encoding)
    number = text.count("\n")
    command("config", "check").fails(f"params.yaml, line {number}: this is not UTF-8. Save the file as UTF-8.")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\n  train: {\n", "line 2, column"),
        ("a: &x [*x]\n? [1, 2]\n: 3\n", "found unhashable key (line 2"),
        ("seed: 2024-13-45\n", "params.yaml is not valid YAML: month must be in 1..12"),
        ("- a\n- b\n", "must hold sections"),
        ("", "must hold sections"),
        ("seed: \x07\n", "unacceptable character #x0007"),
    ],
)
def test_broken_yaml_is_one_line(command: Command, text: str, message: str) -> None:
    (command.folder / "params.yaml").write_text(text, encoding="utf-8")
    said = command("config", "check").fails(message)
    assert len(said.strip().splitlines()) == 1
    assert (command.folder / "params.yaml").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("train.accelerator=gpuu", "train.accelerator: Input should be 'auto', 'cpu', 'gpu', 'cuda', 'mps' or 'tpu'. Did you mean 'gpu'?"),
        ("train.strategy=dpp", "train.strategy: there is no such strategy. Did you mean 'ddp'?"),
        ("methods.zero_dce.optimizer=adamm", "Did you mean 'adam'?"),
        ("methods.zero_dce.clip=.inf", "methods.zero_dce.clip: must be finite"),
        ("methods.zero_dce.lr=[", "the value is not valid YAML"),
        ("train=3", "train: "),
        ("seed.x=1", "seed is a value, not a section"),
        ("train.threads", "write it as key=value"),
    ],
)
def test_values_that_cannot_be(command: Command, setting: str, message: str) -> None:
    command("config", "check", "-S", setting).fails(message)


def test_known_devices_are_those_of_lightning() -> None:
    assert set(STRATEGIES) - {"auto"} == set(StrategyRegistry)
    known = set(TrainConfig.model_fields["accelerator"].annotation.__args__)  # type: ignore[union-attr]
    assert known == {"auto", "gpu", *AcceleratorRegistry}


def test_a_device_that_this_machine_lacks_ends_the_training_with_a_sentence(command: Command) -> None:
    _pairs(command)
    command("fetch", "own").succeeds()
    said = command("train", "zero_dce", "--no-live", "-S", "train.accelerator=tpu").fails("train.accelerator=tpu")
    assert "such as -S train.accelerator=cpu" in said
    assert command.files("build/models") == set()
    assert not list((command.folder / "build/scratch").glob("*"))


@pytest.mark.parametrize("device", ["toaster", "meta", "cuda:99", "mps"])
def test_a_device_that_cannot_be_used_is_refused_before_any_picture(command: Command, device: str) -> None:
    _pairs(command)
    command("enhance", "gamma", "own/low", "-o", "out", "--device", device).fails(f"'{device}'")
    assert not (command.folder / "out").exists()


def _pairs(command: Command) -> None:
    from tests.regression.troubles.command import picture

    for number in range(7):
        for side in ("low", "normal"):
            picture(seed=number).save(command.folder / f"own/{side}/{number}.png")
