"""What methods and the suite itself cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lle.project.folders import Folders

if TYPE_CHECKING:
    from lle.results.benchmarks import Kills, MemoryGrowth, Mutations
    from lle.results.cost import Costs, LatencyRounds, PipelineTimes, Profile, Startup, Throughput


class Benchmarks(Folders):
    """What a project measures about time, memory and failure."""

    def profile(self, method: str) -> Profile:
        """Measures parameters, multiply-accumulates, latency and memory of a method."""
        from lle.measure.method import profile_method

        return profile_method(method, self.params, self.models, self.reports)

    def count_costs(self) -> Costs:
        """Counts parameters and multiply-accumulates of every method, trained or not."""
        from lle.measure.counts import count

        return count(self.params, self.reports)

    def throughput(self) -> Throughput:
        """Measures how fast Zero-DCE trains and how fast its batches could be made."""
        from lle.measure.speed import measure

        return measure(self.params, self.reports, self.data, self.cache)

    def benchmark_startup(self) -> Startup:
        """Measures how long `lle` takes to start, as a multiple of Python's own start."""
        from lle.measure.startup import measure

        return measure(self.reports)

    def benchmark_latency(self, methods: Sequence[str] = (), rounds: int = 5, pause: float = 60.0) -> LatencyRounds:
        """Times methods, or the suite, in rounds with pauses of some seconds: how far their latency varies on this machine."""
        from lle.measure.latency_rounds import measure

        return measure(methods, self.params, self.models, self.reports, rounds, pause)

    def benchmark_pipeline(self) -> PipelineTimes:
        """Sums up how long each command of the last `make repro` took."""
        from lle.measure.pipeline_times import measure

        return measure(self.reports)

    def benchmark_mutations(self, cases: int = 5000, seed: int = 0, kinds: Sequence[str] = ()) -> Mutations:
        """Runs damaged pictures, archives, lists, settings and weights, or only some `kinds`, through the command line."""
        from lle.measure.mutations import measure

        return measure(self.reports, cases, seed, tuple(kinds) or None)

    def benchmark_memory(self, pictures: int = 1000) -> MemoryGrowth:
        """Measures how the memory of `lle enhance` and `lle evaluate` grows over many pictures of many sizes."""
        from lle.measure.memory_growth import measure

        return measure(self.reports, pictures)

    def benchmark_kills(self, times: int = 20, seed: int = 0, together: int = 1) -> Kills:
        """Kills a small pipeline at random moments, runs it again, and compares what it leaves with an uninterrupted run."""
        from lle.measure.kills import measure

        return measure(self.reports, self.root, times, seed, together)
