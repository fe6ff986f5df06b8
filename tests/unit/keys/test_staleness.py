"""Each edit that can change a result makes exactly the stages stale that use it; each that cannot makes none."""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from edits import ADDED, CODE, SETTINGS, Edit

import lle
from lle.config.load import load_params
from lle.keys.closure import Graph
from lle.keys.code import tops
from lle.keys.source import Source
from lle.keys.stages import Keys
from tests.conftest import ROOT

PACKAGE = Path(lle.__file__).parent
CHILD = """
import gc, importlib, importlib.metadata, json, os, sys, pydantic, yaml
root, params, edits = json.load(sys.stdin)
sys.path.insert(0, root)
sys.dont_write_bytecode = True
yaml.SafeLoader = yaml.CSafeLoader  # the same values, in a fifth of the time
gc.disable()  # every copy ends before there is garbage to speak of
installed = importlib.metadata.entry_points()  # no edit changes what is installed
importlib.metadata.entry_points = lambda **chosen: installed.select(**chosen)

class NoCode:  # which code, not what it says
    def digest(self, entries, without=()):
        return sorted([*entries, "without", *without])

for place, edit in enumerate([None, *edits]):
    if os.fork():
        assert os.wait()[1] == 0, edit
        if edit is None:  # libraries are the same for all edits
            for name in json.load(open(os.path.join(root, "libraries.json"))):
                importlib.import_module(name)
        continue
    if edit is not None:
        path = os.path.join(root, "lle", edit[0])
        text = open(path).read() if os.path.exists(path) else None
        open(path, "w").write(edit[2] if text is None else text.replace(edit[1], edit[2], 1))
    before = set(sys.modules)
    from lle.config.load import load_params
    from lle.keys.stages import Keys
    import pathlib
    keys = Keys(load_params(pathlib.Path(params)))
    keys.graph = NoCode()
    found = {stage: keys.key(stage).value for stage in keys.names()}
    if edit is not None and text is not None:
        open(path, "w").write(text)
    elif edit is not None:
        os.remove(path)
    json.dump(found, open(os.path.join(root, f"{place}.json"), "w"))
    if edit is None:
        added = [name for name in sys.modules if name not in before and name.partition(".")[0] != "lle"]
        json.dump([name for name in added if getattr(sys.modules[name], "__spec__", None)], open(os.path.join(root, "libraries.json"), "w"))
    os._exit(0)
"""


def edited(edit: Edit) -> tuple[Path, str]:
    path = PACKAGE / edit.path
    text = path.read_text(encoding="utf-8")
    assert edit.old in text, f"{edit.path} has no {edit.old!r}"
    return path, text.replace(edit.old, edit.new, 1) if edit.old else text + edit.new


def matching(stages: Iterable[str], patterns: Iterable[str]) -> set[str]:
    return {stage for stage in stages if any(fnmatch.fnmatchcase(stage, pattern) for pattern in patterns)}


@pytest.fixture(scope="module")
def keys() -> Keys:
    return Keys(load_params(ROOT / "params.yaml"), Source())


@pytest.fixture(scope="module")
def code(keys: Keys) -> Callable[[Edit | None], dict[str, str]]:
    """Returns the digests of the code of all stages, after an edit; what a module's own names did not change is kept."""
    plain = keys.graph
    stages = {stage: keys.stage(stage) for stage in keys.names()}

    def digests(edit: Edit | None) -> dict[str, str]:
        graph = plain
        if edit is not None:
            path, text = edited(edit)
            graph = Graph(Source(overlay={path: text}), tops())
            name = ".".join(("lle", *path.relative_to(PACKAGE).with_suffix("").parts))
            before, after = plain.source.module(name), graph.source.module(name)
            if path.suffix == ".py":
                assert before is not None
                assert after is not None
                assert before.definitions.keys() <= after.definitions.keys(), "what other modules name would change"
            changed = {key for key, part in plain._parts.items() if key[0] == name or (path.suffix != ".py" and part.reads_files)}
            graph._parts = {key: part for key, part in plain._parts.items() if key not in changed}
            graph._loaded = dict(plain._loaded)
        return {stage: graph.digest(found.entries, found.without) for stage, found in stages.items()}

    digests(None)
    return digests


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The keys of all stages without the text of their code: of the package as it is, and after each edit of settings."""
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(PACKAGE, root / "lle", ignore=shutil.ignore_patterns("__pycache__"))
    edits = [(edit.path, edit.old, edit.new) for edit in (*SETTINGS, *ADDED)]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps([str(root), str(ROOT / "params.yaml"), edits]),
        text=True,
        check=True,
        env=environment,
    )
    return [json.loads((root / f"{place}.json").read_text()) for place in range(len(edits) + 1)]


def test_the_table_is_long_enough():
    assert len(SETTINGS) + len(CODE) >= 40
    assert len({edit.path.partition("/")[0] for edit in (*SETTINGS, *CODE)}) >= 13


@pytest.mark.parametrize("edit", CODE, ids=lambda edit: f"{edit.path}: {edit.new[:40]!r}")
def test_an_edit_of_code_makes_stale_what_runs_it(edit: Edit, code):
    before, after = code(None), code(edit)
    assert {stage for stage in before if before[stage] != after[stage]} == matching(before, edit.stale)


@pytest.mark.parametrize("place", range(len(SETTINGS)), ids=lambda place: f"{SETTINGS[place].path}: {SETTINGS[place].new[:40]!r}")
def test_an_edit_of_settings_makes_stale_what_uses_them(place: int, settings, code):
    edit = SETTINGS[place]
    edited(edit)
    before, after = settings[0], settings[place + 1]
    found = {stage for stage in before if before[stage] != after[stage]}
    plain, changed = code(None), code(edit)
    found |= {stage for stage in plain if plain[stage] != changed[stage]}
    assert found == matching(before, edit.stale)


@pytest.mark.parametrize("place", range(len(ADDED)), ids=lambda place: ADDED[place].path)
def test_a_new_file_makes_stale_what_finds_it(place: int, settings):
    edit = ADDED[place]
    assert not (PACKAGE / edit.path).exists()
    before, after = settings[0], settings[len(SETTINGS) + place + 1]
    assert {stage for stage in before if before[stage] != after[stage]} == matching(before, edit.stale)
