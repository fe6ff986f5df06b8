"""What the gate found: one check a comparison, and the verdict over all of them, as text, Markdown and JUnit XML."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lle.files import write_text

Outcome = Literal["pass", "better", "new", "unsure", "skipped", "fail"]
SHOWN: tuple[Outcome, ...] = ("fail", "unsure", "skipped", "new", "better")
"""Outcomes that a person is shown, the worst first."""


@dataclass(frozen=True)
class Check:
    """One comparison.

    Attributes:
        subject: `<data set>/<method>`, or the method alone for its cost.
        name: metric or cost.
        outcome: only `fail` closes the gate; `unsure` is a loss that may be chance.
        message: what was found, in a line.
        before: accepted value.
        after: present value.
    """

    subject: str
    name: str
    outcome: Outcome
    message: str
    before: float | None = None
    after: float | None = None

    def __str__(self) -> str:
        return f"{self.outcome}: {self.subject} {self.name}: {self.message}"


@dataclass(frozen=True)
class Verdict:
    """All comparisons.

    Attributes:
        checks: in the order of the files.
        reason: why the results that were compared with are the accepted ones.
    """

    checks: tuple[Check, ...]
    reason: str

    @property
    def passed(self) -> bool:
        """Nothing failed."""
        return not any(check.outcome == "fail" for check in self.checks)

    @property
    def exit_code(self) -> int:
        """0 if the gate is open, else 1."""
        return 0 if self.passed else 1

    @property
    def summary(self) -> str:
        """One line: open or closed, and how many checks came out how."""
        counts: Counter[str] = Counter(check.outcome for check in self.checks)
        parts = ", ".join(f"{counts[outcome]} {outcome}" for outcome in (*SHOWN, "pass") if counts[outcome])
        return f"The gate {'is open' if self.passed else 'is CLOSED'}: {parts or 'nothing to compare'}."

    @property
    def remarkable(self) -> list[Check]:
        """The checks that a person is shown, the worst first."""
        return [check for outcome in SHOWN for check in self.checks if check.outcome == outcome]

    def of(self, outcome: Outcome) -> list[Check]:
        """Returns the checks with an outcome."""
        return [check for check in self.checks if check.outcome == outcome]

    def __str__(self) -> str:
        rows = self.remarkable
        if not rows:
            return self.summary
        cells = [(check.outcome.upper(), check.subject, check.name, check.message) for check in rows]
        widths = [max(len(row[column]) for row in cells) for column in range(3)]
        lines = ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in cells]
        return "\n".join([*lines, self.summary])

    def markdown(self) -> str:
        """Returns a summary for a pull request: what is remarkable first, all the rest folded away."""
        lines = [f"### {'✅' if self.passed else '❌'} {self.summary}", "", f"Accepted: {self.reason}", ""]
        if self.remarkable:
            lines += [*_markdown_table(self.remarkable), ""]
        rest = self.of("pass")
        if rest:
            lines += [f"<details><summary>{len(rest)} passed</summary>", "", *_markdown_table(rest), "", "</details>", ""]
        return "\n".join(lines)

    def write_markdown(self, path: Path) -> None:
        """Writes the summary for a pull request."""
        write_text(path, self.markdown())

    def write_junit(self, path: Path) -> None:
        """Writes the checks as JUnit XML, which CI systems show as tests."""
        counts: Counter[str] = Counter(check.outcome for check in self.checks)
        suite = ElementTree.Element(
            "testsuite",
            name="lle gate",
            tests=str(len(self.checks)),
            failures=str(counts["fail"]),
            skipped=str(counts["skipped"]),
            errors="0",
        )
        for check in self.checks:
            case = ElementTree.SubElement(suite, "testcase", classname=check.subject.replace("/", "."), name=check.name)
            if check.outcome in ("fail", "skipped"):
                child = ElementTree.SubElement(case, "failure" if check.outcome == "fail" else "skipped", message=check.message)
                child.text = check.message
            else:
                ElementTree.SubElement(case, "system-out").text = f"{check.outcome}: {check.message}"
        ElementTree.indent(suite)
        write_text(path, '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n")


def _markdown_table(checks: Sequence[Check]) -> list[str]:
    rows = [f"| {check.outcome} | {check.subject} | {check.name} | {check.message.replace('|', '/')} |" for check in checks]
    return ["| | what | measure | found |", "|---|---|---|---|", *rows]
