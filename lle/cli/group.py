"""What all commands share: help in sections, errors without tracebacks, exit codes, log lines on the terminal.

Exit codes: 0 done, 1 an error that the message explains, 2 wrong usage, 128 and a signal's number where one ended the command: 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 143 terminated (SIGTERM).
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

from lle.errors import LleError
from lle.files import write_advice

INTERRUPTED = 130
_WORDS = {signal.SIGTERM: "terminated", **({signal.SIGHUP: "hung up"} if hasattr(signal, "SIGHUP") else {})}
_KEPT = "lle.kept"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NO_MEMORY = ("allocate memory", "out of memory")


class Terminated(SystemExit):
    """The process was asked to end by a signal; raised so that temporary files are removed on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


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
        except OSError as error:
            # A file or folder that a command names, and no code nearer to it has said what is wrong with it. Broken pipes are click's.
            # A full disk is one whether or not the file is known.
            named = isinstance(error.filename, str | os.PathLike)
            if error.errno == errno.EPIPE or not (named or error.errno in _FULL):
                raise
            logging.getLogger("lle").debug("%s", error, exc_info=True)
            click.echo(f"Error: {error.filename if named else 'a file cannot be written'}: {error.strerror}. {_advice(error)}", err=True)
            return ctx.exit(1)
        except (MemoryError, RuntimeError) as error:
            # torch's allocator of the processor reports a failed allocation as a plain RuntimeError, that of a GPU as a class of its own.
            if not isinstance(error, MemoryError) and not any(text in str(error) for text in _NO_MEMORY):
                raise
            logging.getLogger("lle").debug("%s", error, exc_info=True)
            click.echo(
                "Error: there is not enough memory for this. Close other programs, or choose a smaller batch_size, crop or picture.",
                err=True,
            )
            return ctx.exit(1)
        except Terminated as error:
            word, code = _WORDS[signal.Signals(error.number)], 128 + error.number
        except KeyboardInterrupt:
            word, code = "interrupted", INTERRUPTED
        except SystemExit as error:
            # Lightning turns Ctrl-C into an exit.
            if not isinstance(error.__context__, KeyboardInterrupt):
                raise
            word, code = "interrupted", INTERRUPTED
        click.echo(f"{word}. {ctx.meta.get(_KEPT, 'No file is left half written: run the command again.')}", err=True)
        return ctx.exit(code)


def _advice(error: OSError) -> str:
    full = error.errno in (*_FULL, errno.EROFS, errno.ENAMETOOLONG)
    return write_advice(error) if full else "Check the path and its permissions, then run it again."


def kept(text: str) -> None:
    """Says what is kept when the running command is interrupted from now on."""
    click.get_current_context().meta[_KEPT] = text


def show_progress(number: int, total: int | None, what: str, start: float) -> None:
    """Shows on a terminal how much is done, how fast, and how long it will take.

    Args:
        number: that are done.
        total: of all, if known.
        what: is counted, such as `pictures`.
        start: by `time.perf_counter`.
    """
    if sys.stderr.isatty():
        speed = number / max(time.perf_counter() - start, 1e-9)
        left = f"/{total}, {speed:.3g} {what}/s, {max(total - number, 0) / speed:.0f} s left" if total else f", {speed:.3g} {what}/s"
        click.echo(f"\r{number}{left:60}", nl=number == total, err=True)


class _Echo(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        click.echo(self.format(record), err=True)


@contextmanager
def _log_lines() -> Iterator[None]:
    """Shows the log lines of the library, without decoration, on the error stream."""
    log, handler = logging.getLogger("lle"), _Echo()
    before = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    # Some libraries give the root logger a handler of its own, which would show every line again.
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        level, log.propagate = before
        log.setLevel(level)


@contextmanager
def _terminated() -> Iterator[None]:
    def end(number: int, _: object) -> None:
        raise Terminated(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # A signal that is ignored, as nohup does with SIGHUP, stays so.
    before = {number: signal.signal(number, end) for number in _WORDS if signal.getsignal(number) is not signal.SIG_IGN}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
