"""Where the numbers of the report come from, taken together: code, data, settings, machines and protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lle.report.runs import flat
from lle.results.provenance import Hardware, Provenance
from lle.results.read import Results


@dataclass(frozen=True)
class Origin:
    """What the evaluations have in common, and in what they differ.

    Attributes:
        commits: of the code.
        dirty: whether a checkout had changes that are in no commit.
        digests: of the data, by data set.
        configs: hashes of the settings.
        hardware: machines of the evaluations, with their threads.
        machines: by kind of result, the machines without threads.
    """

    commits: tuple[str, ...]
    dirty: bool
    digests: Mapping[str, tuple[str, ...]]
    configs: tuple[str, ...]
    hardware: tuple[str, ...]
    machines: Mapping[str, tuple[str, ...]]

    @property
    def sentence(self) -> str:
        """Says in one line on which hardware the numbers were made."""
        if len(set(self.machines.values())) == 1:
            return f"All numbers were made on {' and '.join(next(iter(self.machines.values())))}."
        parts = [f"{kind} on {' and '.join(names)}" for kind, names in self.machines.items()]
        return f"Made on these machines: {'; '.join(parts)}."


def origin(results: Results) -> Origin:
    """Returns where the numbers come from."""
    records = [evaluation.provenance for evaluations in results.evaluations.values() for evaluation in evaluations.values()]
    kinds: dict[str, list[Provenance]] = {
        "quality": records,
        "latency and memory": [profile.provenance for profile in results.profiles.values()],
        "training": [training.provenance for training in results.trainings.values()],
        "studies": [one for study in results.studies.values() for row in study.variants.values() for one in row.provenance.values()],
    }
    return Origin(
        commits=_distinct(record.git for record in records),
        dirty=any(str(record.git).endswith("-dirty") for record in records),
        digests={
            dataset: _distinct(evaluation.provenance.data_digest for evaluation in evaluations.values())
            for dataset, evaluations in results.evaluations.items()
        },
        configs=_distinct(record.config_hash for record in records),
        hardware=_distinct(record.machine for record in records),
        machines={kind: _distinct(_machine(record.hardware) for record in found) for kind, found in kinds.items() if found},
    )


def protocols(results: Results) -> list[tuple[str, str]]:
    """Returns the measuring protocol, one line a key; a key on which evaluations differ lists every value."""
    found: dict[str, set[str]] = {}
    for evaluations in results.evaluations.values():
        for evaluation in evaluations.values():
            for key, text in flat(evaluation.protocol):
                found.setdefault(key, set()).add(text)
    return [(key, " or ".join(sorted(values))) for key, values in sorted(found.items())]


def _machine(hardware: Hardware | None) -> str:
    return "an unrecorded machine" if hardware is None else str(hardware.model_copy(update={"threads": None}))


def _distinct(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(sorted({str(value) for value in values if value}))
