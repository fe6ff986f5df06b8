"""The notebooks run from beginning to end on small budgets, hold no outputs, and are the scripts in `examples/`."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT

NOTEBOOKS = ROOT / "docs/notebooks"
SMALL: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "enhance_and_compare": (
        {"STAND_INS": 3, "RESAMPLES": 100, "METHODS": ["gamma", "lampnet"]},
        ("side_by_side.png", "reports/metrics/own/lampnet.json"),
    ),
    "train_on_own_pairs": (
        {"ITERATIONS": 4, "BATCH_SIZE": 2, "CROP": 32, "STAND_INS": 4},
        ("curves.png", "dark_enhanced_reference.png", "build/models/unet/model.safetensors"),
    ),
    "write_a_method": ({"ITERATIONS": 4, "BATCH_SIZE": 2, "STAND_INS": 4}, ("dark_gamma_night_curve.png",)),
}
"""By notebook: values for its cell of parameters, and files that it leaves in its folder."""

BEGIN = """%cd -q {folder}
import sys
for name in [name for name in sys.modules if name.partition(".")[0] == "lle"]:
    del sys.modules[name]
%reset -f
"""
"""Forgets the names of the notebook before, and what the package knew in it."""

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: pip install -e '.[dev]'")


def read(name: str) -> Any:
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def parameters(notebook: Any) -> int:
    (place,) = [place for place, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    return place


def test_every_notebook_has_a_script_a_budget_and_a_place_on_the_page() -> None:
    names = {path.stem for path in NOTEBOOKS.glob("*.ipynb")}
    assert names == set(SMALL) == {path.stem for path in (ROOT / "examples").glob("*.py")}
    page = (ROOT / "docs/notebooks.md").read_text(encoding="utf-8")
    assert all(f"(notebooks/{name}.ipynb)" in page for name in names)


@pytest.mark.parametrize("name", SMALL)
def test_a_notebook_is_its_script(name: str) -> None:
    jupytext = pytest.importorskip("jupytext", reason="jupytext is not installed: pip install -e '.[dev]'")
    notebook, script = read(name), jupytext.read(ROOT / f"examples/{name}.py")
    cells = [[(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in one.cells] for one in (notebook, script)]
    assert cells[0] == cells[1], "one of both was edited alone. Run: make notebooks"
    nbformat.validate(notebook)


@pytest.mark.parametrize("name", SMALL)
def test_a_notebook_is_committed_without_outputs(name: str) -> None:
    code = [cell for cell in read(name).cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


@pytest.mark.parametrize("name", SMALL)
def test_the_parameters_of_the_test_are_those_of_the_notebook(name: str) -> None:
    notebook = read(name)
    assigned = set(re.findall(r"^(\w+) = ", notebook.cells[parameters(notebook)].source, re.MULTILINE))
    assert set(SMALL[name][0]) < assigned


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One kernel for all notebooks: importing torch, Lightning and MLflow takes longer than what they do."""
    pytest.importorskip("ipykernel", reason="ipykernel is not installed: pip install -e '.[dev]'")
    from jupyter_client.manager import KernelManager

    folder = tmp_path_factory.mktemp("kernel")
    # The package of this checkout, however the tests were started; the store is the notebook's own.
    own = {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "IPYTHONDIR": str(folder / "ipython"),
    }
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"} | own
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "runtime"))
        manager = KernelManager(kernel_name="python3")
        manager.start_kernel(cwd=str(folder), env=environment)
        yield manager
        manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("name", SMALL)
def test_a_notebook_runs_outside_of_a_clone(name: str, kernel: Any, empty_store: Path, tmp_path: Path) -> None:
    """In an empty folder with a space in its name; whatever is written lies in the notebook's own folder there."""
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: pip install -e '.[dev]'")
    pytest.importorskip("skimage", reason="the extra `suite` is not installed")
    values, files = SMALL[name]
    notebook = read(name)
    source = "\n".join(f"{key} = {value!r}" for key, value in values.items())
    notebook.cells.insert(parameters(notebook) + 1, nbformat.v4.new_code_cell(source))
    folder = tmp_path / "my notebooks"
    folder.mkdir()
    if name == "train_on_own_pairs":  # MLflow takes seconds to make its tables
        (folder / "lle_train").mkdir()
        shutil.copyfile(empty_store, folder / "lle_train/mlflow.db")
    begin = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(BEGIN.format(folder=folder))])
    for one in (begin, notebook):
        nbclient.NotebookClient(one, km=kernel, timeout=240).execute()
    (work,) = folder.iterdir()
    assert [file for file in files if not (work / file).is_file()] == []
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in shown), "a picture is shown"
    assert any("psnr" in output.get("text", "") for output in shown), "a comparison is printed"
