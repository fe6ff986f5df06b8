"""Thousands of damaged pictures, archives, lists of pairs, settings and weights through the command line.

Each input is a small sound file with a few bytes changed, cut off, repeated or replaced. It must end with a result, or with exit
status 1 and a message; without a traceback, without a hang, and without the loss of what lies beside it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from lle.errors import LleError
from lle.infer.containers import require_av
from lle.measure import mutation_cases, processes
from lle.provenance import provenance
from lle.results.benchmarks import Fault, Handled, Mutations

PATIENCE = 30.0
"""Seconds of processor time that one input may take; all of them are smaller than 100 kB. The first ones of a process also import."""
_SLOW = 10
"""How much longer it may take by the clock: the machine may be busy with other work."""


def measure(reports: Path = Path("reports"), cases: int = 5000, seed: int = 0, kinds: tuple[str, ...] | None = None) -> Mutations:
    """Runs damaged inputs of all kinds in turn and writes `benchmarks/mutations.json`, or `mutations_<kind>.json` where kinds are given.

    Args:
        reports: receives the file.
        cases: how many inputs.
        seed: of the damage.
        kinds: which of `lle.measure.mutation_cases.KINDS`; None takes the usual ones.

    Returns:
        What was written: how many inputs of each kind were refused, and every fault.
    """
    names = kinds or mutation_cases.USUAL
    if unknown := [name for name in names if name not in mutation_cases.KINDS]:
        raise LleError(f"there is no kind of input '{unknown[0]}'; known: {', '.join(mutation_cases.KINDS)}.")
    if "video" in names:
        require_av()
    begun = time.monotonic()
    found = list(_outcomes(cases, seed, names))
    handled = {}
    for place, name in enumerate(names):
        of = [outcome for number, outcome in enumerate(found) if number % len(names) == place]
        handled[name] = Handled(cases=len(of), refused=of.count("refused"), faults=sum(isinstance(one, Fault) for one in of))
    command = ["lle benchmark mutations", *(f"--kind {kind}" for kind in kinds or ()), f"--cases {cases} --seed {seed}"]
    record = {
        "seed": seed,
        "seconds": round(time.monotonic() - begun, 1),
        "kinds": {name: one.plain() for name, one in handled.items()},
        "faults": [one.plain() for one in found if isinstance(one, Fault)],
        "provenance": provenance(seed=seed, data_digest=None, command=" ".join(command)),
    }
    result = Mutations.of(record)
    result.write(Mutations.path(reports, kinds or ()))
    return result


def _outcomes(cases: int, seed: int, names: tuple[str, ...]) -> Iterator[str | Fault]:
    """Yields what became of each input: `read`, `refused`, or a fault. A process that hangs or dies is replaced by a new one."""
    context = processes.context()
    number = 0
    while number < cases:
        with tempfile.TemporaryDirectory(prefix="lle-mutations-") as folder:
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(Path(folder), there, number, cases, seed, names))
            process.start()
            there.close()
            try:
                started = _answers(here, process.pid, 8 * PATIENCE) and here.recv() == "started"
                while started and number < cases:
                    kind = names[number % len(names)]
                    if not _answers(here, process.pid, PATIENCE):
                        yield Fault(kind=kind, case=number, fault="hang", message=f"not done after {PATIENCE:.0f} s")
                        number += 1
                        break
                    yield here.recv()
                    number += 1
                if not started:
                    raise LleError("the process for damaged inputs does not start. Run it again on a machine that is less busy.")
            except EOFError:
                process.join()
                kind = names[number % len(names)]
                yield Fault(kind=kind, case=number, fault="crash", message=f"the process ended with exit code {process.exitcode}")
                number += 1
            finally:
                process.kill()
                process.join()


def _answers(connection: Connection, pid: int | None, patience: float) -> bool:
    """Waits for an answer; returns whether it came before the process had worked on it for `patience` seconds."""
    begun, worked = time.monotonic(), _worked(pid)
    while not connection.poll(min(1.0, patience)):
        if _worked(pid) - worked > patience or time.monotonic() - begun > _SLOW * patience:
            return False
    return True


def _worked(pid: int | None) -> float:
    """Seconds of processor time that a process has used."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _work(folder: Path, connection: Connection, start: int, stop: int, seed: int, names: tuple[str, ...]) -> None:
    """Runs inputs one after the other and sends what became of each."""
    bench = mutation_cases.Bench(folder)
    connection.send("started")
    for number in range(start, stop):
        connection.send(bench.run(names[number % len(names)], number, seed))
