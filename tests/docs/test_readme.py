"""The commands of the pages exist, and pages name only files and settings that are there."""

from __future__ import annotations

import re
import shlex
import sys

import click
import pytest

from lle.cli import main
from lle.config.load import load_params
from tests.docs.pages import PAGES, ROOT, blocks, commands

COMMANDS = sorted(
    {listed.text for listed in commands()}
    | {line for path in PAGES for line in re.findall(r"(?<!no )`((?:lle|make|dvc) [^`\n]*)`", path.read_text(encoding="utf-8"))}
)


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("lle ")])
def test_lle_commands_parse(line):
    words = shlex.split(line)[1:]
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"`{line}`: there is no command {name}"
        command = found
    if words and words != ["--help"]:
        command.make_parser(context).parse_args(words)


@pytest.mark.parametrize("line", [line for line in COMMANDS if " -S " in line and " --queue " not in line])
def test_settings_named_in_commands_exist(line):
    overrides = [words for option, words in zip(shlex.split(line), shlex.split(line)[1:], strict=False) if option == "-S"]
    needed = ["+data.mymine={kind: folder, source: x}"] if "mymine" in line else []
    load_params(ROOT / "params.yaml", [*needed, *overrides])


def test_make_targets_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {line.split()[1] for line in COMMANDS if line.startswith("make ")}
    assert {"repro", "test", "ui"} <= named <= targets


def test_folders_exist():
    layout = (ROOT / "docs/layout.md").read_text(encoding="utf-8")
    folders = re.findall(r"^\| (`.*`) \|", layout, re.MULTILINE)
    names = [name for cell in folders for name in re.findall(r"`([^`]+)`", cell)]
    assert len(names) > 6
    assert all((ROOT / name).exists() for name in names if name != "build")


def test_yaml_examples_are_valid_settings():
    import yaml

    from lle.config.schema import params_model

    base = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    examples = [yaml.safe_load(block) for name in ("index", "own_data") for block in blocks(ROOT / f"docs/{name}.md", "yaml")]
    assert len(examples) == 3
    for example in examples:
        own = {"mymine": {"kind": "folder", "source": "x"}} if "data" in example else {}
        params_model()(**{**base, "data": {**base["data"], **own, **example["data"]}})


def test_the_rows_of_the_leaderboard_are_those_of_the_results():
    sys.path.insert(0, str(ROOT / "docs"))
    import tables

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert tables.readme(text) == text, "results have changed. Run: python docs/tables.py"
    assert text.count("| ") > 20
    assert re.search(r"^\| Input, untouched \|", text, re.MULTILINE)
