"""The README's commands exist, and it names only files and settings that are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from lle.cli import main
from lle.config.load import load_params

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(
    {
        line.partition("#")[0].strip()
        for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
        for line in block.splitlines()
        if line.strip()
    }
    | set(re.findall(r"`((?:lle|make|dvc) [^`]*)`", README))
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


@pytest.mark.parametrize("line", [line for line in COMMANDS if " -S " in line])
def test_settings_named_in_commands_exist(line):
    overrides = [words for option, words in zip(shlex.split(line), shlex.split(line)[1:], strict=False) if option == "-S"]
    needed = ["+data.mymine={kind: folder, source: x}"] if "mymine" in line else []
    load_params(ROOT / "params.yaml", [*needed, *overrides])


def test_make_targets_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {line.split()[1] for line in COMMANDS if line.startswith("make ")}
    assert {"repro", "test", "ui"} <= named <= targets


def test_folders_exist():
    folders = re.findall(r"^\| (`.*`) \|", README, re.MULTILINE)
    names = [name for cell in folders for name in re.findall(r"`([^`]+)`", cell)]
    assert len(names) > 6
    assert all((ROOT / name).exists() for name in names if name != "build")


def test_yaml_examples_are_valid_settings():
    import yaml

    from lle.config.schema import params_model

    base = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL):
        example = yaml.safe_load(block)
        params_model()(**{**base, "data": {**base["data"], **example["data"]}})
