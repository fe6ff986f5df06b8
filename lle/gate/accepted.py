"""Which results are the accepted ones: a git revision and the reasons, in `accepted.json` beside the results.

The accepted numbers themselves stay where they are, in the history of the repository; a folder of results can stand in their
place, as for results that are not in git.
"""

from __future__ import annotations

import fnmatch
import io
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from lle.errors import LleError
from lle.files import read_json, write_json
from lle.gate.consistency import inconsistencies
from lle.gate.snapshot import ROUNDS, SPREAD, snapshot
from lle.git import git

ACCEPTED = "accepted.json"
JUDGED_FILES = ("metrics/*", "zoo/*", "profile/*", "segment/*.csv", "segment/*.json", "clip/*.json", SPREAD, ROUNDS)
"""What the gate reads, below the folder of results (`*` matches `/` too)."""


class Acceptance(BaseModel):
    """One decision.

    Attributes:
        revision: commit that holds the accepted results.
        reason: why they are good.
        changes: what differed from the results accepted before, a line each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    revision: str
    reason: str
    changes: list[str] = []


class History(BaseModel):
    """`accepted.json`: all decisions, the present one first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    history: list[Acceptance]


@contextmanager
def accepted_results(reports: Path, against: str | Path | None = None) -> Iterator[tuple[Path, str]]:
    """Yields a folder with the accepted results, and why they are the accepted ones.

    Args:
        reports: the present results.
        against: a folder of results, or a git revision that holds them at the same place; None takes what `accepted.json` names.

    Raises:
        LleError: nothing was accepted yet, or the revision is not in this clone.
    """
    if against is not None and Path(against).is_dir():
        yield Path(against), f"the results in {against}"
        return
    if against is not None:
        revision, reason = str(against), f"the results of {against}"
    else:
        present = _history(reports)
        if present is None:
            raise LleError(
                f"no results have been accepted ({reports / ACCEPTED} does not exist). Look at the present ones and commit them, "
                "then: lle gate --accept REASON."
            )
        revision, reason = present.history[0].revision, present.history[0].reason
    with tempfile.TemporaryDirectory(prefix="lle-accepted-") as folder:
        yield _extract(reports, revision, Path(folder)), reason


def accept(reason: str, reports: Path = Path("reports")) -> Path:
    """Makes the committed results the accepted ones; earlier reasons, and what changed each time, are kept.

    Args:
        reason: why they are good, for those who read the history.
        reports: the results, as committed.

    Returns:
        The file written; commit it.

    Raises:
        LleError: the reason is empty, there are no results, they are not committed, a summary disagrees with its table, or a
            file is not the one that the pipeline wrote.
    """
    from lle.gate.compare import gate

    if not reason.strip():
        raise LleError("accepting results needs a reason, which is kept.")
    present = snapshot(reports)
    if not present.quality and not present.cost:
        raise LleError(f"there are no results in {reports}. Make them with `dvc repro`.")
    wrong = list(inconsistencies(reports))
    if wrong:
        raise LleError("\n".join(f"{check.subject} {check.name}: {check.message}" for check in wrong))
    changed = [line for line in _git(reports, "status", "--porcelain", "--", ".").splitlines() if not line.endswith(f"/{ACCEPTED}")]
    if changed:
        raise LleError(f"the results are not committed ({changed[0].strip()}). Commit them first: what is accepted is a commit.")
    before = _history(reports)
    changes = gate(reports).remarkable if before is not None else []
    entry = Acceptance(revision=_git(reports, "rev-parse", "HEAD"), reason=reason.strip(), changes=[str(check) for check in changes])
    path = reports / ACCEPTED
    write_json(path, History(history=[entry, *(before.history if before is not None else ())]).model_dump(mode="json"))
    return path


def _history(reports: Path) -> History | None:
    path = reports / ACCEPTED
    if not path.is_file():
        return None
    try:
        found = History.model_validate(read_json(path))
    except ValidationError as error:
        raise LleError(f"{path} is damaged: {error.errors()[0]['msg']}. Restore it with `git checkout -- {path}`.") from error
    if not found.history:
        raise LleError(f"{path} holds no decision. Restore it with `git checkout -- {path}`.")
    return found


def _extract(reports: Path, revision: str, folder: Path) -> Path:
    """Writes the judged files of a revision into a folder and returns where the results are in it."""
    root = Path(_git(reports, "rev-parse", "--show-toplevel"))
    place = reports.resolve().relative_to(root.resolve()).as_posix()
    try:
        names = _git(root, "ls-tree", "-r", "--name-only", "--full-tree", revision, f"{place}/").splitlines()
    except LleError as error:
        raise LleError(
            f"the accepted revision {revision} is not in this clone. Get the history (git fetch --unshallow), or compare with "
            "another one: lle gate --against REVISION."
        ) from error
    wanted = [name for name in names if any(fnmatch.fnmatch(name, f"{place}/{pattern}") for pattern in JUDGED_FILES)]
    if not wanted:
        raise LleError(f"revision {revision} holds no results in {place}.")
    # Not a tar archive: to extract one safely needs Python 3.11.4.
    done = subprocess.run(["git", "archive", "--format=zip", "-0", revision, *wanted], cwd=root, capture_output=True, check=True)
    with zipfile.ZipFile(io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder)
    return folder / place


def _git(folder: Path, *arguments: str) -> str:
    if not folder.is_dir():
        raise LleError(f"there are no results: the folder {folder} does not exist. Make them with `dvc repro`.")
    return git(folder, *arguments)
