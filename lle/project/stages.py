"""What the pipeline needs beside: on what its stages depend, and `dvc.yaml` itself."""

from __future__ import annotations

from pathlib import Path

from lle.project.zoo import Zoo


class Stages(Zoo):
    """What a project writes for DVC."""

    def write_keys(self) -> list[Path]:
        """Writes build/keys: what every stage depends on, a file each: the code it runs, its settings and what it takes from others."""
        from lle.keys import pipeline
        from lle.measure.study import study_keys

        keys, folders = study_keys(self.path, self.overrides)
        zoo_keys, zoo_folders = self.zoo_keys()
        pipeline.check_pipelines(self.params, folders, zoo_folders)
        return pipeline.write_keys(self.params, keys, zoo_keys, self.root / "build/keys")

    def write_pipelines(self) -> list[Path]:
        """Brings dvc.yaml and the pipelines of studies and zoo up to date with the settings, and returns the files that changed."""
        from lle.keys import pipeline
        from lle.measure.study import study_keys

        return pipeline.write_pipelines(self.params, study_keys(self.path)[1], self.zoo_keys()[1], self.path.parent)

    def run_pipeline(self, lanes: int) -> int:
        """Runs `dvc repro` with trainings side by side and returns its exit code, see `lle.project.lanes`."""
        from lle.project.lanes import run

        return run(self.params, lanes, self.root)
