"""Signals that ask a training to stop: it ends at the next iteration with a checkpoint, and with an error, never as a success.

Lightning turns SIGTERM into an end with exit status 0, and SIGINT into one without a message; a pipeline would take the first
for a finished training.
"""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from lle.engine.resume import CHECKPOINT, PREVIOUS, Progress
from lle.errors import TrainingError

SIGNALS = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))


class Interrupted(TrainingError):  # noqa: N818 (it is no mistake)
    """The training was stopped from outside; the same command goes on from the checkpoint."""


class Interruption:
    """Catches `SIGNALS` for the length of a `with` block (in the main thread; elsewhere it does nothing).

    Args:
        folder: of the resume checkpoint, for the message.

    Attributes:
        deferred: while True, the first signal is only noted in `received`; a second one, or one at any other time, raises.
        received: number of the signal that was noted.
        progress: where the training stands, for the message.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.deferred = False
        self.received: int | None = None
        self.progress = Progress()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                # A signal that is ignored, as nohup does with SIGHUP, stays so.
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before.setdefault(number, signal.getsignal(number))
                    signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def error(self, number: int) -> Interrupted:
        """Returns the error that says what stopped the training and how it goes on."""
        kept = any((self.folder / name).exists() for name in (CHECKPOINT, PREVIOUS))
        left = f"The checkpoint is in {self.folder}: the same command goes on from there." if kept else "There is no checkpoint yet."
        # Where other processes do the work, this one does not know how far they are.
        done = f" after {self.progress.total} iterations" if self.progress.total else ""
        error = Interrupted(f"the training was stopped by {signal.Signals(number).name}{done}. {left}")
        error.exit_code = 128 + number
        return error

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.deferred and self.received is None:
            self.received = number
        else:
            raise self.error(number)
