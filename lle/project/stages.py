"""What the pipeline needs beside: on what its stages depend."""

from __future__ import annotations

from lle.project.folders import Folders


class Stages(Folders):
    """What a project writes for DVC."""

    def write_fingerprints(self) -> None:
        """Writes build/fingerprints: hashes of the code behind every method, as it is set, and every tool."""
        from lle import registry
        from lle.config.schema import method_settings
        from lle.engine import fingerprint

        settings = {name: method_settings(self.params, name) for name in registry.packages()}
        fingerprint.write_fingerprints(self.root / "build/fingerprints", settings)

    def write_needs(self) -> None:
        """Writes build/needs: for every method, digests of what it takes from other stages."""
        from lle import registry
        from lle.config.schema import method_settings
        from lle.engine import needs

        needs.write_needs({name: method_settings(self.params, name) for name in registry.packages()})

    def write_study_keys(self) -> None:
        """Writes build/study_keys: what the results of every study depend on, a file each."""
        from lle.measure.study import write_keys

        write_keys(self.path, self.root / "build/study_keys")

    def write_study_index(self) -> None:
        """Writes reports/studies.json, the digests of the studies' results, after they were copied or removed by hand."""
        from lle.measure.study import write_index

        write_index(self.reports)
