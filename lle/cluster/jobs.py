"""Independent jobs side by side on a cluster: each is a function of the project that leaves files, run by Ray or by SLURM.

A job's files are its result, so the project's folder must lie under the same path on every machine. What ends early is run again and
finds the checkpoint of the attempt before.
"""

from __future__ import annotations

import importlib
import os
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lle.cluster.session import require, session
from lle.errors import LleError, first_line

if TYPE_CHECKING:
    from lle.config.schema import TrainConfig

Engine = Literal["ray", "slurm"]
RETRIES = 3
"""Further attempts at a job whose process was killed, or whose time was over."""
MINUTES = 24 * 60
"""Time that SLURM is asked for; the environment variable SBATCH_TIMELIMIT goes before it."""
LOGS = Path("build/slurm")
"""Receives what SLURM's jobs print."""


@dataclass(frozen=True)
class Job:
    """A call of a function, in a process of its own.

    Attributes:
        name: for people.
        function: `module:name`; imported where the job runs, after the environment is set.
        arguments: of the function, as texts.
        environment: additions.
        threads: processor cores that it takes.
        gpus: that it takes.
        folder: of the project, absolute.
    """

    name: str
    function: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    threads: int = 1
    gpus: int = 0
    folder: Path = field(default_factory=Path.cwd)

    def __call__(self) -> str | None:
        """Does the job.

        Returns:
            None, or why it failed.
        """
        os.environ.update(self.environment)
        try:
            os.chdir(self.folder)
        except OSError as error:
            return f"{self.folder} is not there on {socket.gethostname()} ({error.strerror}): jobs need the project on a shared file system"
        module, _, name = self.function.partition(":")
        try:
            getattr(importlib.import_module(module), name)(*self.arguments)
        except LleError as error:
            return str(error)
        return None

    def checkpoint(self) -> Any:
        """Has submitit put the job into the queue again when its time is over."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class Executor(Protocol):
    """Something that runs jobs, as many at once as there is room for."""

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, str | None]]:
        """Runs jobs; one that fails does not end the others.

        Yields:
            Each job when it has ended, and None, or why it failed.
        """


class RayJobs:
    """Jobs as Ray's tasks, each in a new process."""

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, str | None]]:
        """See `Executor.run`."""
        with session() as ray:
            has = ray.cluster_resources()
            for job in jobs:
                # Ray would wait for such a machine without end.
                if job.threads > has.get("CPU", 0) or job.gpus > has.get("GPU", 0):
                    given = f"{has.get('CPU', 0):g} CPU and {has.get('GPU', 0):g} GPU"
                    raise LleError(
                        f"{job.name} takes {job.threads} CPU and {job.gpus} GPU, and the cluster has {given}. See train.threads."
                    )
            running = {self._start(ray, job): job for job in jobs}
            while running:
                ended, _ = ray.wait(list(running))
                job = running.pop(ended[0])
                try:
                    yield job, ray.get(ended[0])
                except ray.exceptions.RayTaskError as error:
                    yield job, f"{type(error.cause).__name__}: {first_line(error.cause or error)}"
                except ray.exceptions.WorkerCrashedError:
                    yield job, f"its process was killed {1 + RETRIES} times; it may need more memory than there is"

    def _start(self, ray: Any, job: Job) -> Any:
        # A new process for each, since libraries read the environment when they are imported.
        task = ray.remote(max_calls=1)(_call).options(
            num_cpus=job.threads,
            num_gpus=job.gpus,
            max_retries=RETRIES,
            name=job.name,
            runtime_env={"env_vars": dict(job.environment)} if job.environment else None,
        )
        return task.remote(job)


class SlurmJobs:
    """Jobs in SLURM's queue, by submitit. Partition, account and the like are SLURM's own variables, such as SBATCH_PARTITION.

    Args:
        cluster: `slurm`; `local` runs them as processes of this machine, for tests.
        logs: receives what they print.
    """

    def __init__(self, cluster: Literal["slurm", "local"] = "slurm", logs: Path = LOGS) -> None:
        require("submitit")
        if cluster == "slurm" and shutil.which("sbatch") is None:
            raise LleError("there is no `sbatch` on this machine. Run it where SLURM is, on the cluster's login node, or use --engine ray.")
        self.cluster, self.logs = cluster, logs

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, str | None]]:
        """See `Executor.run`."""
        import submitit
        from submitit.core.utils import FailedJobError, UncompletedJobError

        executor = submitit.AutoExecutor(folder=self.logs, cluster=self.cluster, slurm_max_num_timeout=RETRIES)
        running: dict[Any, Job] = {}
        for job in jobs:
            more = {"gpus_per_node": job.gpus} if job.gpus else {}
            executor.update_parameters(name=job.name.replace("/", "-"), cpus_per_task=job.threads, timeout_min=MINUTES, **more)
            running[executor.submit(job)] = job
        try:
            for handle in submitit.helpers.as_completed(list(running), poll_frequency=0.5 if self.cluster == "local" else 10):
                job = running.pop(handle)
                try:
                    yield job, handle.result()
                except (FailedJobError, UncompletedJobError) as error:
                    yield job, f"{first_line(error)} See {handle.paths.stderr}"
        finally:
            for handle in running:
                handle.cancel()


def executor(engine: Engine) -> Executor:
    """Returns what runs jobs.

    Raises:
        LleError: a package or SLURM is missing; the message says how to get it.
    """
    if engine == "slurm":
        return SlurmJobs()
    require("ray")
    return RayJobs()


def gpus_of(train: TrainConfig) -> int:
    """Returns the GPUs that a training takes; `auto` counts as none, because another machine's are not known."""
    return train.devices if train.accelerator in ("gpu", "cuda") else 0


def run_all(engine: Engine, jobs: Sequence[Job], what: str) -> Iterator[tuple[Job, int]]:
    """Runs jobs on a cluster.

    Args:
        engine: which.
        jobs: independent of each other.
        what: their common name, for the message.

    Yields:
        Each job that was done, and how many have ended.

    Raises:
        LleError: after all have ended: some failed; names each with the reason.
    """
    failures: list[str] = []
    for number, (job, failure) in enumerate(executor(engine).run(jobs) if jobs else (), 1):
        if failure is None:
            yield job, number
        else:
            failures.append(f"  {job.name}: {failure}")
    if failures:
        head = f"{len(failures)} of {len(jobs)} jobs of {what} failed. The others are kept: the same command goes on with what is left."
        raise LleError("\n".join([head, *failures]))


def _call(job: Job) -> str | None:
    return job()
