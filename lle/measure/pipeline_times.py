"""Where the minutes of the last pipeline went."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from lle.errors import DataError
from lle.project.lanes import TIMES_FILE
from lle.provenance import provenance
from lle.results.cost import PipelineTimes


def measure(reports: Path = Path("reports"), times: Path = TIMES_FILE) -> PipelineTimes:
    """Reads how long each command of the last `lle pipeline run` took, and writes `benchmarks/pipeline.json`.

    Args:
        reports: receives the file.
        times: written while the pipeline ran, see `lle.project.lanes`.

    Returns:
        What was written: `seconds` of the whole, what of it passed while no command ran, and by command and by kind of command (its first
        word) seconds and CPU seconds. Commands may run side by side.

    Raises:
        DataError: no pipeline has run here, or the last one did not end.
    """
    lines = [json.loads(line) for line in times.read_text(encoding="utf-8").splitlines()] if times.is_file() else []
    whole = [line["seconds"] for line in lines if line.get("whole")]
    commands = [line for line in lines if not line.get("whole")]
    covered, end = 0.0, 0.0
    for line in sorted(commands, key=lambda line: line["begun"]):
        stop = line["begun"] + line["seconds"]
        covered += max(0.0, stop - max(line["begun"], end))
        end = max(end, stop)
    if not whole or not commands:
        raise DataError(f"{times} holds no finished pipeline with work to do. Run `make repro` after `make clean`, then this again.")
    kinds: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for line in commands:
        for place, key in enumerate(("seconds", "cpu_seconds")):
            kinds[line["command"][1]][place] += line[key]
    record = {
        "schema": PipelineTimes.SCHEMA,
        "seconds": round(whole[-1], 1),
        "idle_seconds": round(whole[-1] - covered, 1),
        "kinds": {
            name: {"seconds": round(a, 1), "cpu_seconds": round(b, 1)} for name, (a, b) in sorted(kinds.items(), key=lambda k: -k[1][0])
        },
        "commands": [
            {"command": " ".join(line["command"]), "seconds": round(line["seconds"], 1), "cpu_seconds": round(line["cpu_seconds"], 1)}
            for line in commands
        ],
        "provenance": provenance(seed=None, data_digest=None, command="lle benchmark pipeline"),
    }
    found = PipelineTimes.of(record)
    found.write(PipelineTimes.path(reports))
    return found
