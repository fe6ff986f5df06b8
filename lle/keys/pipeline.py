"""Writes the keys of all stages, and the part of the pipelines that follows from what methods take from each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lle import registry
from lle.config.schema import BaseParams
from lle.errors import LleError
from lle.files import write_json, write_text
from lle.keys.stages import Keys, fetched, trained

KEYS = Path("build/keys")
PIPELINE = Path("dvc.yaml")
STUDIES = Path("pipelines/studies/dvc.yaml")
ZOO = Path("pipelines/zoo/dvc.yaml")
PLOTS = Path("pipelines/plots/dvc.yaml")
WEIGHTS = "lle/zoo/{name}/model.safetensors"
BEGIN = (
    "  # From here to `end of written stages`, `lle pipeline write` writes what data sets are made from, and what\n"
    "  # `MethodConfig.inputs` of each method says.\n"
)
END = "  # end of written stages\n"
HEAD = """\
# Studies: ablations and long comparisons, which the default `dvc repro` leaves out. They use what it makes, so run it first:
#   dvc repro pipelines/studies/dvc.yaml:NAME
# `lle pipeline write` writes this file from `studies` in params.yaml. The results are in git and no outputs of a stage: the
# report reads them, and must not run every study first.
"""


ZOO_HEAD = """\
# The zoo: weights that come with the package. Each is trained for up to an hour on two cores, so the default `dvc repro` leaves them out.
# They take what it makes, so run it first:
#   dvc repro pipelines/zoo/dvc.yaml:pack_NAME
# `lle pipeline write` writes this file from `zoo` in params.yaml. What is packed is in git, below lle/zoo, and no output of a stage;
# `artifacts` lists it, under names in which `-` stands for `_`, since DVC takes none with `_`.
"""
PLOTS_HEAD = """\
# What `dvc plots` draws: the curves of the trainings of the suite, from tables that `lle report` writes and git keeps.
# `lle pipeline write` writes this file. A file of its own, since the pipeline itself needs no plots.
"""


def write_keys(params: BaseParams, studies: Mapping[str, object], zoo: Mapping[str, object], folder: Path = KEYS) -> list[Path]:
    """Writes one JSON file a stage, on which the stage depends.

    Args:
        params: all settings.
        studies: what the stage of each study depends on, by name.
        zoo: what the training of weights for the package depends on, by name.
        folder: receives `<stage>/<item>.json`; files of stages that are gone are removed.

    Returns:
        The files.
    """
    keys = Keys(params)
    values: dict[str, object] = {stage: keys.key(stage).plain() for stage in keys.names()}
    values |= {f"study/{name}": value for name, value in studies.items()} | {f"zoo/{name}": value for name, value in zoo.items()}
    for old in folder.rglob("*.json"):
        if old.relative_to(folder).with_suffix("").as_posix() not in values:
            old.unlink()
    (folder / "study").mkdir(parents=True, exist_ok=True)  # the report depends on it, also where there is no study
    written = []
    for stage, value in values.items():
        written.append(folder / f"{stage}.json")
        write_json(written[-1], value)
    return written


def write_pipelines(
    params: BaseParams, studies: Mapping[str, Iterable[Path]], zoo: Mapping[str, Iterable[Path]], root: Path = Path()
) -> list[Path]:
    """Brings `dvc.yaml`, the pipelines of the studies and of the zoo, and the plots up to date with the settings.

    Args:
        params: all settings.
        studies: by name, the data sets and other folders that a study reads.
        zoo: by name, those that the training of weights for the package reads.
        root: folder of the project.

    Returns:
        The files that were changed.
    """
    written = []
    for path, text in _texts(params, studies, zoo, root).items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)
            written.append(path)
    return written


def check_pipelines(
    params: BaseParams, studies: Mapping[str, Iterable[Path]], zoo: Mapping[str, Iterable[Path]], root: Path = Path()
) -> None:
    """Refuses pipelines that lack an edge which the settings ask for.

    Raises:
        LleError: a file is not what `write_pipelines` would write.
    """
    if not (root / PIPELINE).is_file():
        return
    for path, text in _texts(params, studies, zoo, root).items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            raise LleError(
                f"{path} does not fit the settings: methods, or what they take from each other, changed. Run: lle pipeline write"
            )


def _texts(params: BaseParams, studies: Mapping[str, Iterable[Path]], zoo: Mapping[str, Iterable[Path]], root: Path) -> dict[Path, str]:
    path = root / PIPELINE
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise LleError(f"{path} has lost the lines that enclose the written stages: `{BEGIN.strip()}` and `{END.strip()}`. Restore them.")
    listed, packed = "\n".join(_studies(params, studies)), "\n".join([*_zoo(params, zoo), *_artifacts(params, root)])
    keys = Keys(params)
    return {
        path: "".join([before, BEGIN, *_fetches(keys), *_trainings(keys), *_shipped(keys), END, after]),
        root / STUDIES: HEAD + (f"stages:\n{listed}" if listed else "stages: {}\n"),
        root / ZOO: ZOO_HEAD + (f"stages:\n{packed}" if packed else "stages: {}\n"),
        root / PLOTS: PLOTS_HEAD + "".join(_plots(keys)),
    }


def _fetches(keys: Keys) -> Iterator[str]:
    for name in fetched(keys.params):
        deps = _dependencies(keys, f"fetch/{name}", f"data.{name}")
        yield f"  fetch_{name}:\n    cmd: lle fetch {name}\n    deps: [{', '.join(deps)}]\n    outs: [build/data/{name}]\n"


def _trainings(keys: Keys) -> Iterator[str]:
    for name in trained(keys.params):
        deps = _dependencies(keys, f"train/{name}", f"methods.{name}")
        yield f"  train_{name}:\n    cmd: lle train {name}\n    deps: [{', '.join(deps)}]\n"
        yield f"    outs: [build/models/{name}, reports/training/{name}.json: {{cache: false}}]\n"


def _shipped(keys: Keys) -> Iterator[str]:
    """The stage that measures the weights of the package, where there are any: one process, for imports take longer than a model."""
    if "zoo" in keys.names():
        yield f"  zoo:\n    cmd: lle zoo evaluate\n    deps: [{', '.join(_dependencies(keys, 'zoo', 'zoo'))}]\n"
        yield "    outs: [reports/zoo/metrics: {cache: false}]\n"


def _dependencies(keys: Keys, stage: str, section: str) -> list[str]:
    """The files and folders that a stage depends on; every data set among them must be made by a stage of its own."""
    key = keys.key(stage)
    unmade = [one.name for one in key.inputs if one.kind == "data" and one.name not in fetched(keys.params)]
    if unmade:
        raise LleError(f"{section} takes the data set '{unmade[0]}', which no stage makes: add it to suite.prepare.")
    return [f"build/keys/{stage}.json", *(path.as_posix() for path in key.paths)]


def _made(params: BaseParams, paths: Iterable[Path]) -> list[str]:
    """Returns the folders that stages make: a set that no stage makes, or that stands outside, is prepared by the command itself."""
    unmade = {f"build/data/{one}" for one in params.data if one not in fetched(params)}
    return [path.as_posix() for path in paths if path.as_posix() not in unmade]


def _zoo(params: BaseParams, zoo: Mapping[str, Iterable[Path]]) -> Iterator[str]:
    for name, paths in zoo.items():
        deps = [f"build/keys/zoo/{name}.json", *_made(params, paths)]
        model = f"build/zoo/{name}/models"
        yield f"  train_{name}:\n    wdir: ../..\n    cmd: lle zoo train {name}\n    deps: [{', '.join(deps)}]\n    outs: [{model}]\n"
        yield f"  pack_{name}:\n    wdir: ../..\n    cmd: lle zoo pack {name}\n    deps: [{model}]\n    params: [zoo.{name}]\n"


def _artifacts(params: BaseParams, root: Path) -> Iterator[str]:
    """The weights that are in the package of this checkout, for those who look models up with DVC."""
    found = {name: entry for name, entry in params.zoo.items() if (root / WEIGHTS.format(name=name)).is_file()}
    if found:
        yield "artifacts:"
    for name, entry in found.items():
        labels = [entry.method, f"data-{entry.data}", f"licence-{entry.licence}", *(["default"] if entry.default else [])]
        yield f"  {name.replace('_', '-')}:\n    path: ../../{WEIGHTS.format(name=name)}\n    type: model"
        yield f"    desc: {json.dumps(entry.title)}\n    labels: [{', '.join(labels)}]\n"


def _plots(keys: Keys) -> Iterator[str]:
    """The loss of each method by itself, since losses of different methods are no comparison; validation of all of them in one plot."""
    names = [name for name in trained(keys.params) if registry.card(name).supervision != "classical"]
    if not names:
        yield "plots: []\n"
        return
    yield "plots:\n  - validation:\n      x: iteration\n      y_label: PSNR, dB\n      title: PSNR of validation pictures\n      y:\n"
    yield from (f"        ../../reports/curves/psnr/{name}.csv: psnr\n" for name in names)
    for name in names:
        yield f"  - loss_{name}:\n      x: iteration\n      title: Loss of {name}\n      y:\n"
        yield f"        ../../reports/curves/loss/{name}.csv: loss\n"


def _studies(params: BaseParams, studies: Mapping[str, Iterable[Path]]) -> Iterator[str]:
    for name, paths in studies.items():
        deps = [f"build/keys/study/{name}.json", *_made(params, paths)]
        yield f"  {name}:\n    wdir: ../..\n    cmd: lle study {name}\n    deps: [{', '.join(deps)}]\n"
