"""What the benchmark of pictures on a Ray cluster found."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from lle.results.base import Number, ResultFile
from lle.results.provenance import Provenance


class RaySpeed(ResultFile):
    """`reports/benchmarks/ray.json`. Rates are pictures a second from file to file, without the time until the first is done."""

    FILES: ClassVar[str] = "benchmarks/ray.json"

    model: str
    size: str
    """Of the pictures, height x width."""
    pictures: int
    """For each process."""
    workers: int
    """Processes, of one thread each."""
    alone: Number
    """Pictures a second of one plain process."""
    ray_alone: Number
    """Pictures a second of one process of Ray's."""
    overhead_ms: Number
    """What a picture takes longer with one process on Ray than with a plain one."""
    together: Number
    """Pictures a second of that many plain processes at once."""
    ray_together: Number
    """Pictures a second of as many processes of Ray's."""
    share: Number
    """Of Ray's rate in that of the plain processes, both together."""
    scaling: Number
    """Rate of the processes of Ray's, as a multiple of that of one of them."""
    start_s: Number
    """Until the first picture is done: the cluster, the libraries, the model."""
    others: Number | None = None
    """Share of the machine's cores that other programs took while the plain processes ran together, 0 to 1."""
    provenance: Provenance

    @staticmethod
    def path(reports: Path) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "benchmarks" / "ray.json"
