"""What the committed results must show of the methods that CLIP guides; a result that is not there yet is a skip that says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lle.files import read_json

ROOT = Path(__file__).parents[2]
SUITE = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["suite"]


def committed(name: str, command: str) -> Any:
    path = ROOT / "reports" / name
    if not path.is_file():
        pytest.skip(f"reports/{name} is not there yet; make it with `{command}`")
    return read_json(path)


@pytest.mark.parametrize("dataset", [*SUITE["datasets"], "sice"])
@pytest.mark.parametrize("method", SUITE["guided"])
def test_guided_methods_beat_the_untouched_input_by_two_decibels(method, dataset):
    ours, theirs = (committed(f"metrics/{dataset}/{name}.json", f"lle evaluate {name} {dataset}") for name in (method, "input"))
    assert ours["metrics"]["psnr"]["mean"] >= theirs["metrics"]["psnr"]["mean"] + 2
    assert ours["provenance"]["tags"]["clip_backbone"]


def test_the_small_clip_tells_dark_from_lit_photographs():
    assert committed("clip/darkness/sice.json", "lle clip darkness sice")["accuracy"] > 0.9


def test_the_small_clip_knows_lights_of_photographs_it_never_saw():
    model = committed("clip/model.json", "lle clip")
    assert model["retrieval_top1"] > 5 * model["retrieval_chance"]


@pytest.mark.parametrize("method", SUITE["guided"])
def test_a_step_costs_little_more_than_clip_and_the_network(method):
    assert committed(f"clip/cost/{method}.json", f"lle clip cost {method}")["ratio"] <= 1.3
