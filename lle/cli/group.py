"""What all commands share: help in sections, errors without tracebacks, exit codes, log lines on the terminal.

Exit codes: 0 done, 1 an error that the message explains, 2 wrong usage, 130 interrupted (Ctrl-C), 143 terminated (SIGTERM).
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

from lle.errors import LleError

INTERRUPTED, TERMINATED = 130, 143
_KEPT = "lle.kept"


class Terminated(SystemExit):
    """The process was asked to end; raised so that temporary files are removed on the way out."""


class Sections(click.Group):
    """A group whose help lists its commands under headings.

    Args:
        sections: names of commands by heading, in the order of the help; a command that none names stands under the last one.
        kwargs: see `click.Group`.
    """

    def __init__(self, *args: Any, sections: Mapping[str, Sequence[str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sections = sections

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the headings and the commands."""
        named = {name for names in self.sections.values() for name in names}
        rest = [name for name in self.list_commands(ctx) if name not in named]
        last = list(self.sections)[-1]
        width = max(map(len, self.commands))
        for heading, names in self.sections.items():
            known = [name for name in (*names, *(rest if heading == last else ())) if name in self.commands]
            limit = formatter.width - 6 - width
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), self.commands[name].get_short_help_str(limit)) for name in known])

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the command line."""
        with _log_lines(), _terminated():
            return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command, and turns what ends it early into a sentence and an exit code."""
        try:
            return super().invoke(ctx)
        except LleError as error:
            logging.getLogger("lle").debug("%s", error, exc_info=True)
            click.echo(f"Error: {error}", err=True)
            return ctx.exit(error.exit_code)
        except Terminated:
            word, code = "terminated", TERMINATED
        except KeyboardInterrupt:
            word, code = "interrupted", INTERRUPTED
        except SystemExit as error:
            # Lightning turns Ctrl-C into an exit.
            if not isinstance(error.__context__, KeyboardInterrupt):
                raise
            word, code = "interrupted", INTERRUPTED
        click.echo(f"{word}. {ctx.meta.get(_KEPT, 'No file is left half written: run the command again.')}", err=True)
        return ctx.exit(code)


def kept(text: str) -> None:
    """Says what is kept when the running command is interrupted from now on."""
    click.get_current_context().meta[_KEPT] = text


class _Echo(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        click.echo(self.format(record), err=True)


@contextmanager
def _log_lines() -> Iterator[None]:
    """Shows the log lines of the library, without decoration, on the error stream."""
    log, handler, level = logging.getLogger("lle"), _Echo(), logging.getLogger("lle").level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


@contextmanager
def _terminated() -> Iterator[None]:
    def end(*_: object) -> None:
        raise Terminated(TERMINATED)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
