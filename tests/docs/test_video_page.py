"""The page on video fits on a screen, and its commands are there."""

from __future__ import annotations

import re
import shlex

import click

from lle.cli import main
from tests.conftest import ROOT

PAGE = (ROOT / "docs/video.md").read_text(encoding="utf-8")


def test_it_is_one_screen():
    assert len(PAGE.splitlines()) <= 48
    assert max(map(len, PAGE.splitlines())) <= 150


def test_its_commands_parse():
    listed = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
    lines = [line.partition("#")[0] for line in (*listed, *re.findall(r"`(lle [^`]+)`", PAGE))]
    assert len(lines) > 8
    for line in lines:
        words, command = shlex.split(line)[1:], main
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), words.pop(0))
            assert found is not None, line
            command = found
        command.make_parser(click.Context(command)).parse_args(words)
