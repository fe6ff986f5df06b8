"""Every command that takes a path or a setting, with a wrong one: exit status 1 and a message, whatever the command is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from lle.cli import main
from tests.regression.troubles.command import Command

RENDERS = {"render mine", "render clips", "render measure"}
"""They need the extra `render`, and would render for minutes where it is installed."""
WORKS = {"methods new", "config schema", "benchmark startup", "benchmark mutations", "benchmark memory", "benchmark kills"}
"""They take neither a path nor a setting."""


def leaves(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Yields every command by its words."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield " ".join((*words, name)), command
            yield from leaves(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


COMMANDS = dict(leaves(main))
SETTABLE = sorted(name for name, command in COMMANDS.items() if any(p.name == "overrides" for p in command.params))
WITH_SETTINGS = sorted(name for name, command in COMMANDS.items() if any(p.name == "path" for p in command.params))
ADDRESSES = ("words", "out")
"""Parameters of `lle enhance` that take paths, and addresses too."""
PATHS = sorted(
    (name, parameter.name or "")
    for name, command in COMMANDS.items()
    for parameter in command.params
    if (isinstance(parameter.type, click.Path) or (name == "enhance" and parameter.name in ADDRESSES))
    and parameter.name != "path"
    and name not in RENDERS
)


def words(name: str, **given: str) -> list[str]:
    """Returns a command line with something for everything that is required, and what is given."""
    line = name.split()
    for parameter in COMMANDS[name].params:
        value = given.get(parameter.name or "")
        if parameter.name == "words":  # of `lle enhance`: a model and its inputs, or inputs alone
            line += ["gamma", value or "in"]
        elif isinstance(parameter, click.Argument):
            # A method for all: where it stands for a data set, that one is unknown.
            line += [value or ("in" if isinstance(parameter.type, click.Path) else "gamma")] * (1 if parameter.required or value else 0)
        elif value is not None or parameter.required:
            line += [parameter.opts[-1], value or "given"]
    return line


def test_the_lists_are_not_empty() -> None:
    assert {"train", "evaluate", "config check", "clip darkness"} <= set(SETTABLE)
    assert {("enhance", "out"), ("enhance", "words"), ("fetch", "source"), ("reproduce", "metrics"), ("gate", "junit")} <= set(PATHS)
    assert set(COMMANDS) >= RENDERS | WORKS


@pytest.mark.parametrize("name", WITH_SETTINGS)
def test_settings_that_are_not_there_are_named(command: Command, name: str) -> None:
    before = command.files(".")
    command(*words(name), "--params", "none.yaml").fails("none.yaml does not exist. Run this in the folder of the project")
    assert command.files(".") == before


@pytest.mark.parametrize("name", WITH_SETTINGS)
def test_a_folder_in_place_of_settings_is_named(command: Command, name: str) -> None:
    before = command.files(".")
    command(*words(name), "--params", "in").fails("in cannot be read: Is a directory")
    assert command.files(".") == before


@pytest.mark.parametrize("name", SETTABLE)
def test_a_setting_that_is_not_known_is_named(command: Command, name: str) -> None:
    before = command.files(".")
    command(*words(name), "-S", "train.thread=1").fails("train.thread: unknown key. Did you mean 'threads'?")
    assert command.files(".") == before


@pytest.mark.parametrize(("name", "parameter"), PATHS)
@pytest.mark.parametrize("path", ["in/none/below", "params.yaml/below", "in"])
def test_a_path_that_cannot_be_is_an_error_with_a_message(command: Command, name: str, parameter: str, path: str) -> None:
    ended = command(*words(name, **{parameter: path}))
    if ended.result.exit_code == 0:
        ended.succeeds()
        assert not path.startswith("params.yaml"), f"{ended.line} took a file for a folder"
    else:
        ended.fails()
    assert (command.folder / "params.yaml").is_file()
    assert {file for file in command.files(".") if Path(file).name.startswith(".")} <= {"build/data/.gamma.lock"}
