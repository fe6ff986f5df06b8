"""Makes a number again: its recorded command, at its recorded commit, in a clean working tree.

The provenance of a result also names, under `before`, the commands that made what it rests on (data sets, model, teacher,
CLIP), with the settings they were given. All of them run again, so nothing of the present `build` folder is used.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lle.errors import LleError
from lle.files import read_json
from lle.git import git
from lle.results.quality import Evaluation


@dataclass(frozen=True)
class Value:
    """One metric, as recorded and as made again; None where it has no value."""

    name: str
    recorded: float | None
    reproduced: float | None

    def agrees(self, tolerance: float) -> bool:
        """Says whether both are the same up to `tolerance`, relative to the recorded value."""
        if self.recorded is None or self.reproduced is None:
            return self.recorded is self.reproduced
        return abs(self.reproduced - self.recorded) <= tolerance * abs(self.recorded)


@dataclass(frozen=True)
class Reproduction:
    """What came out.

    Attributes:
        path: the file of results, relative to the repository.
        commands: what was run.
        values: every metric of either file.
        tolerance: relative difference that counts as equal.
        differences: provenance that differs, such as hardware or versions: the first suspects when numbers do.
    """

    path: Path
    commands: tuple[str, ...]
    values: tuple[Value, ...]
    tolerance: float
    differences: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Every metric agrees."""
        return all(value.agrees(self.tolerance) for value in self.values)

    @property
    def exit_code(self) -> int:
        """0 if all agree, else 1."""
        return 0 if self.same else 1

    def __str__(self) -> str:
        width = max((len(value.name) for value in self.values), default=0)
        lines = []
        for value in self.values:
            word = "same" if value.agrees(self.tolerance) else "DIFFERS"
            lines.append(f"{word:8}{value.name:{width}}  {_text(value.recorded)} -> {_text(value.reproduced)}")
        lines += [f"provenance differs: {difference}" for difference in self.differences]
        return "\n".join([*lines, f"{self.path}: {'reproduced' if self.same else 'NOT reproduced'} with {' && '.join(self.commands)}"])


def reproduce(
    metrics: Path,
    repository: Path = Path(),
    before: Sequence[str] = (),
    tolerance: float = 0.0,
    seconds: float | None = None,
    out: Any = None,
) -> Reproduction:
    """Runs the command behind a file of results again and compares.

    The commands run in a new working tree of the recorded commit, with this Python environment and the tree's own code:
    first the recorded ones that make data and models, then the recorded one that measures. What lies beside the
    repository, such as pictures at `../photos`, is seen there too.

    Args:
        metrics: a file under `reports/metrics`, or another evaluation.
        repository: the git repository it belongs to.
        before: commands to run instead of the recorded ones that make data and models.
        tolerance: relative difference that counts as equal; 0 asks for equal numbers.
        seconds: longest time for one command.
        out: a file object that receives the commands' output; None shows it.

    Raises:
        LleError: the file holds no metrics, no command or commit was recorded, the code had uncommitted changes, a command
            fails, or it does not write the file.
    """
    path = Path(metrics).resolve()
    root = Path(git(repository, "rev-parse", "--show-toplevel"))
    if not path.is_relative_to(root):
        raise LleError(f"{metrics} does not lie in the repository {root}.")
    if not read_json(path).get("metrics"):
        raise LleError(f"{metrics} holds no metrics that could be compared. Name a file under reports/metrics.")
    recorded = Evaluation.read(path)
    origin = recorded.provenance
    command, commit = origin.command, origin.git
    if not command or not commit:
        raise LleError(f"{metrics} names no {'command' if not command else 'commit'} in its provenance. Make it again with dvc repro.")
    if re.fullmatch(r"[0-9a-f]{40,64}", commit) is None:
        raise LleError(f"{metrics} was made by code with uncommitted changes ({commit}), which nobody has. Commit them and make it again.")
    relative = path.relative_to(root)
    commands = (*(before or origin.before), command)
    with _worktree(root, commit) as tree:
        made = tree / relative
        # A file that is tracked would stand there from the start.
        made.unlink(missing_ok=True)
        for line in commands:
            _run(line, tree, seconds, out)
        if not made.is_file():
            raise LleError(f"`{command}` ended well and did not write {relative}.")
        reproduced = Evaluation.read(made)
    names = dict.fromkeys([*recorded.metrics, *reproduced.metrics])
    values = tuple(Value(name, _mean(recorded, name), _mean(reproduced, name)) for name in names)
    return Reproduction(relative, commands, values, tolerance, tuple(_differences(origin.plain(), reproduced.provenance.plain())))


@contextmanager
def _worktree(root: Path, commit: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lle-reproduce-") as scratch:
        tree = Path(scratch) / root.name
        for neighbour in root.parent.iterdir():
            if neighbour != root:
                (Path(scratch) / neighbour.name).symlink_to(neighbour)
        git(root, "worktree", "add", "--detach", "--quiet", str(tree), commit)
        try:
            yield tree
        finally:
            git(root, "worktree", "remove", "--force", str(tree))


def _run(line: str, tree: Path, seconds: float | None, out: Any) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    # The tree's code goes before the installed one, and this environment's programs before others.
    environment["PYTHONPATH"] = str(tree)
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    try:
        done = subprocess.run(shlex.split(line), cwd=tree, env=environment, timeout=seconds, stdout=out, stderr=out, check=False)
    except FileNotFoundError as error:
        raise LleError(f"`{line}` cannot be run: {error.filename} is not installed.") from error
    except subprocess.TimeoutExpired as error:
        raise LleError(f"`{line}` took longer than {seconds:g} s.") from error
    if done.returncode:
        raise LleError(
            f"`{line}` failed with exit code {done.returncode} in a clean working tree. "
            "If it lacks data or a model, name the commands that make them to be run before it."
        )


def _mean(record: Evaluation, name: str) -> float | None:
    score = record.metrics.get(name)
    return None if score is None else score.mean


def _differences(recorded: Mapping[str, Any], reproduced: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys([*recorded, *reproduced]):
        before, after = recorded.get(key), reproduced.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from (f"{key}.{part}" for part in _differences(before, after))
        elif before != after:
            yield f"{key}: {before} -> {after}"


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"
