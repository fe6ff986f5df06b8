"""From results to what others see: the report, the gate, MLflow, a result made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lle.project.folders import Folders

if TYPE_CHECKING:
    from lle.gate.verdict import Verdict
    from lle.tracking.promote import Promotion
    from lle.tracking.reproduce import Reproduction
    from lle.tracking.stored import StoredRun
    from lle.tracking.sync import Synced


class Publishing(Folders):
    """What a project does with its results."""

    def report(self) -> list[Path]:
        """Builds the leaderboard and the HTML report and returns the files."""
        from lle.report.build import build_report

        return build_report(self.reports)

    def gate(
        self, against: str | Path | None = None, tolerance: Mapping[str, float] | None = None, latency: float | None = None
    ) -> Verdict:
        """Compares the results with the accepted ones.

        Args:
            against: a folder of results or a git revision; None takes the accepted one.
            tolerance: how much worse the mean of a metric may be, where it is not the usual.
            latency: how many times as long a method may take; None takes the usual.
        """
        from lle.gate import compare

        return compare.gate(self.reports, against, tolerance, latency or compare.LATENCY)

    def accept(self, reason: str) -> Path:
        """Makes the committed results the accepted ones and returns the file that says so.

        Args:
            reason: why they are good, which is kept.
        """
        from lle.gate.accepted import accept

        return accept(reason, self.reports)

    def sync(self, uri: str | None = None) -> Synced:
        """Brings the MLflow store up to date with the results.

        Args:
            uri: the store; None takes `MLFLOW_TRACKING_URI`, else `sqlite:///mlflow.db`.
        """
        from lle.tracking.sync import sync

        return sync(self.reports, self.models, uri, self.params.train.data if self.path.is_file() else None)

    def runs(self, uri: str | None = None) -> list[StoredRun]:
        """Returns the current runs of the MLflow store: results name a run's experiment and name, and ids differ from store to store."""
        from lle.tracking.sync import current_runs

        return sorted(current_runs(uri), key=lambda run: (run.experiment, run.name, run.run_id))

    def promote(self, method: str, uri: str | None = None) -> Promotion:
        """Makes the present model of a method its champion in the MLflow registry, if the gate lets it pass."""
        from lle.tracking.promote import promote

        return promote(method, self.reports, self.models, uri)

    def reproduce(self, file: str | Path, before: Sequence[str] = (), tolerance: float = 0.0) -> Reproduction:
        """Runs the commands behind a file of results again in a clean working tree, and compares.

        Args:
            file: of `reports/metrics`.
            before: commands to run instead of the recorded ones that make data and models.
            tolerance: relative difference that counts as equal.
        """
        from lle.tracking.reproduce import reproduce

        return reproduce(Path(file), before=before, tolerance=tolerance)
