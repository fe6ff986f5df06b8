"""Where a result comes from."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from lle.results.base import Fact, Part


class Hardware(Part):
    """The machine that made a result."""

    cpu: str | None = None
    cores: int | None = None
    instructions: str | None = None
    """Instruction set, as torch uses it; None where torch was not loaded."""
    threads: int | None = None
    """Threads of torch; None where torch was not loaded."""
    accelerator: str | None = None

    def __str__(self) -> str:
        cores = f", {self.cores} cores" if self.cores else ""
        threads = f", {self.threads} thread{'s' if self.threads != 1 else ''}" if self.threads else ""
        instructions = f" ({self.instructions})" if self.instructions else ""
        return f"{self.cpu or 'unknown CPU'}{instructions}{cores}{threads}, {self.accelerator or 'no accelerator'}"


class Provenance(Part):
    """Code, data, settings, machine and library versions behind a result. A writer may add facts of its own."""

    model_config = ConfigDict(extra="allow")

    command: str | None = None
    """What made it."""
    before: list[str] = Field(default_factory=list)
    """Commands that made what it rests on, in order."""
    git: str | None = None
    """Commit; ends in `-dirty` where the checkout had changes."""
    data_digest: str | None = None
    config_hash: str | None = None
    fingerprint: str | None = None
    """Digest of the code."""
    seed: int | None = None
    hardware: Hardware | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    """Of Python and libraries."""
    tags: dict[str, Fact] = Field(default_factory=dict)
    """What else the numbers depend on, such as the CLIP backbone."""
    inputs: dict[str, str | None] = Field(default_factory=dict)
    """Digest of every folder that the training read."""
    mlflow: dict[str, str] = Field(default_factory=dict)
    """Experiment and run in MLflow."""

    @property
    def machine(self) -> str:
        """The hardware in a few words."""
        return "not recorded" if self.hardware is None else str(self.hardware)
