"""The index of troubles names tests that exist, and every trouble is named."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

TESTS = Path(__file__).parents[2]
INDEX: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("index.yaml").read_text(encoding="utf-8"))
MUST_HOLD = {"readers", "every command with a path or a setting", "killed pipelines", "damaged inputs", "memory"}


def test_every_trouble_of_the_issue_is_there() -> None:
    numbers = {int(head) for name in INDEX if (head := name.partition(" ")[0]).isdecimal()}
    assert numbers == set(range(1, 19))
    assert set(INDEX) >= MUST_HOLD


@pytest.mark.parametrize("name", INDEX)
def test_its_tests_exist(name: str) -> None:
    assert INDEX[name]
    for entry in INDEX[name]:
        file, _, test = entry.partition("::")
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, entry


def test_every_test_of_this_folder_is_named_but_those_of_the_tools() -> None:
    named = {entry for entries in INDEX.values() for entry in entries}
    unnamed = {
        "test_index.py",
        "test_commands.py::test_the_lists_are_not_empty",
        "test_benchmarks.py::test_damage_follows_its_seed",
        "test_benchmarks.py::test_growth_is_that_of_the_medians",
    }
    for file in Path(__file__).parent.glob("test_*.py"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and file.name not in unnamed:
                entry = f"{file.name}::{node.name}"
                assert entry in unnamed or f"regression/troubles/{entry}" in named, f"{entry} stands under no trouble in index.yaml"
