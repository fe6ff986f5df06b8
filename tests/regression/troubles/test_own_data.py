"""From a folder of one's own to a trained, evaluated and compared method, as the README says."""

from __future__ import annotations

import pytest

from tests.regression.troubles.command import Command, picture


def fill(command: Command, paired: bool) -> None:
    for number in range(8):
        if paired:
            for side in ("low", "normal"):
                picture(seed=number).save(command.folder / f"own/{side}/{number}.png")
        else:
            picture(seed=number).save(command.folder / f"own/{number}.png")


@pytest.mark.parametrize("paired", [True, False])
def test_a_folder_becomes_a_trained_evaluated_and_compared_method(command: Command, paired: bool) -> None:
    fill(command, paired)
    if not paired:
        for side in ("low", "normal"):
            (command.folder / "own" / side).rmdir()
    # Nothing but the folder is named: no split, no suite.prepare, no fetch.
    said = command("train", "zero_dce", "--data", "own", "--no-live").succeeds()
    assert "no split is given, so its 8 scenes were divided 70/15/15" in said
    command("evaluate", "zero_dce", "own").succeeds()
    command("evaluate", "gamma", "own").succeeds()
    assert "zero_dce" in command("compare", "gamma", "zero_dce", "own").succeeds()
    assert {"zero_dce/model.safetensors", "zero_dce/method.json", "zero_dce/train.json"} <= command.files("build/models")
    assert {"own/zero_dce.json", "own/gamma.json"} <= command.files("reports/metrics")
    assert not list((command.folder / "build/scratch").glob("*"))


def test_a_training_set_without_validation_trains_and_says_what_is_left_out(command: Command) -> None:
    fill(command, paired=True)
    said = command("train", "zero_dce", "--no-live", "-S", "data.own.split=train").succeeds()
    assert "own has no split val: the training is not validated, and its last weights are the result" in said
    assert "zero_dce/model.safetensors" in command.files("build/models")
    command("evaluate", "zero_dce", "own").fails("has no split 'test'")
    assert command.files("reports/metrics") == set()
