"""The wheel is built from the tracked files, installed beside the dependencies, and used far from any checkout.

The environment is new; only the wheel is installed into it. What an extra brings cannot be imported there, so the tests also show that the
core needs none of it. Dependencies are those of the running environment: nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml

from tests.regression.troubles.command import picture

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PARTS = ("lle", "pyproject.toml", "README.md", "LICENSE")
SETTINGS = {
    "suite": {"methods": ["gamma", "unet"], "datasets": ["own"], "prepare": ["own"]},
    "train": {"data": "own", "accelerator": "cpu", "threads": 1, "validate_images": 0},
    "profile": {"sizes": [[32, 32]]},
    "data": {"own": {"kind": "folder", "source": "pictures"}},
    "methods": {"unet": {"iterations": 2, "batch_size": 2, "crop": 32}},
}
# The modules of `suite` and `edge` that nothing of the core brings along.
ABSENT = ("dvc", "mlflow", "pyiqa", "open_clip", "segmentation_models_pytorch", "simpy", "skimage", "onnx", "openvino")
BLOCK = """from importlib.machinery import PathFinder

there = PathFinder.find_spec
PathFinder.find_spec = staticmethod(lambda name, *more: None if name.partition(".")[0] in {absent!r} else there(name, *more))
"""
# They cost a minute, so `build` is not in `dev`: the job `wheel` of .github/workflows/checks.yml runs them.
# By its distribution: a folder build/ in the present folder looks like a package of that name.
pytestmark = pytest.mark.skipif(
    not any(one.name == "build" for one in distributions()),
    reason="takes a minute, so it needs what `dev` leaves out: pip install -e '.[docs]'",
)


def run(*words: object, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run([str(word) for word in words], cwd=cwd, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def tracked(*paths: str) -> list[str]:
    """Returns the tracked files; all files but compiled ones where this is no git checkout."""
    listed = subprocess.run(["git", "ls-files", "-z", *paths], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    files = [file for path in paths for file in ([ROOT / path] if (ROOT / path).is_file() else (ROOT / path).rglob("*"))]
    return [file.relative_to(ROOT).as_posix() for file in files if file.is_file() and "__pycache__" not in file.parts]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the wheel and the sdist, made from a copy of the sources without git, in a path with spaces."""
    source = tmp_path_factory.mktemp("pkg") / "a downloaded zip"
    for name in tracked(*PARTS):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", source / "dist", source, cwd=source.parent)
    return source / "dist"


@pytest.fixture(scope="module")
def lle(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `lle` of an environment that holds the wheel, and reads its dependencies from the running environment."""
    home = tmp_path_factory.mktemp("env") / "new environment"
    run(sys.executable, "-m", "venv", "--without-pip", home, cwd=home.parent)
    (wheel,) = built.glob("*.whl")
    if shutil.which("uv"):
        run("uv", "pip", "install", "--offline", "--no-deps", "--python", home / "bin/python", wheel, cwd=home.parent)
    else:
        pytest.importorskip("pip", reason="neither uv nor pip is here to install the wheel")
        run(sys.executable, "-m", "pip", "--python", home / "bin/python", "install", "--no-deps", "--no-index", wheel, cwd=home.parent)
    (site,) = home.glob("lib/python*/site-packages")
    # A plain line of a .pth file: paths are appended, and the .pth file of an editable installation there is not followed.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (site / "sitecustomize.py").write_text(BLOCK.format(absent=set(ABSENT)))
    return home / "bin/lle"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with spaces in its name, outside of every checkout, with six pairs that cannot be written to."""
    folder = tmp_path_factory.mktemp("work") / "my pictures and runs"
    for number in range(6):
        for side in ("low", "normal"):
            (folder / "pictures" / side).mkdir(parents=True, exist_ok=True)
            picture(seed=number).save(folder / f"pictures/{side}/{number}.png")
    for path in sorted((folder / "pictures").rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    (folder / "pictures").chmod(0o555)
    return folder


@pytest.fixture(scope="module")
def outside(place: Path) -> dict[str, str]:
    """Environment variables without those that lead back to the checkout; git finds no repository."""
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV", "LLE_SHARED")}
    return {**env, "PATH": "/nothing", "HOME": str(place), "GIT_CEILING_DIRECTORIES": str(place.parent)}


def test_the_wheel_holds_every_tracked_file_of_the_package(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    (sdist,) = built.glob("*.tar.gz")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert set(tracked("lle")) <= names
    assert {name.partition("/")[0] for name in names} == {"lle", f"lle_suite-{PROJECT['version']}.dist-info"}
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {*tracked("lle"), "pyproject.toml", "README.md", "LICENSE"} <= inside


def test_twine_accepts_both(built: Path) -> None:
    pytest.importorskip("twine", reason="the package `twine` is not installed: pip install -e '.[docs]'")
    assert run(sys.executable, "-m", "twine", "check", "--strict", *built.iterdir(), cwd=built).count("PASSED") == 2


def test_the_version_has_one_place(lle: Path, place: Path, outside: dict[str, str]) -> None:
    assert run(lle, "--version", cwd=place, env=outside).split()[-1] == PROJECT["version"]
    lines = [
        name for name in tracked("lle") if name.endswith(".py") and re.search(r"^__version__ *= *['\"]", (ROOT / name).read_text(), re.M)
    ]
    assert lines == [], "pyproject.toml names the version"


def test_commands_work_without_a_checkout(lle: Path, place: Path, outside: dict[str, str]) -> None:
    assert "enhance" in run(lle, "--help", cwd=place, env=outside)
    assert re.search(r"^zero_dce +zero-reference +Zero-DCE$", run(lle, "methods", cwd=place, env=outside), re.MULTILINE)
    run(lle, "enhance", "gamma", "pictures/low/0.png", "-o", "enhanced", cwd=place, env=outside)
    assert (place / "enhanced/0.png").is_file()
    assert re.search(r"^lampnet ", run(lle, "zoo", cwd=place, env=outside), re.MULTILINE)
    run(lle, "enhance", "pictures/low/0.png", "-o", "by default", cwd=place, env=outside)
    assert (place / "by default/0.png").is_file(), "the weights are in the wheel"
    (place / "params.yaml").write_text(yaml.safe_dump(SETTINGS))
    assert "lol_v1" in run(lle, "datasets", cwd=place, env=outside), "the catalog is in the wheel"


def test_a_method_trains_on_a_folder_of_pictures(lle: Path, place: Path, outside: dict[str, str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in (place / "pictures").rglob("*")}
    (place / "params.yaml").write_text(yaml.safe_dump(SETTINGS))
    said = run(lle, "train", "unet", cwd=place, env=outside)
    assert "MLflow is not installed" in said
    assert "Traceback" not in said
    assert (place / "build/models/unet/model.safetensors").is_file()
    origin = json.loads((place / "build/models/unet/train.json").read_text(encoding="utf-8"))["provenance"]
    assert origin["git"] is None, "no repository, no commit"
    assert origin["data_digest"]
    run(lle, "enhance", "unet", "pictures/low/0.png", "-o", "trained", cwd=place, env=outside)
    assert (place / "trained/0.png").is_file()
    assert re.search(r"^psnr +\d", run(lle, "evaluate", "unet", "own", cwd=place, env=outside), re.MULTILINE)
    assert {path: path.stat().st_mtime_ns for path in (place / "pictures").rglob("*")} == before


def test_the_package_reads_nothing_of_the_checkout(lle: Path, place: Path, outside: dict[str, str]) -> None:
    """Also: the environment has what the wheel holds, and nothing that an extra would bring."""
    program = (
        "import importlib, sys, lle, lle.cards, lle.report.render, lle.data.catalog as c\n"
        "assert c.entries() and all(lle.cards.path(n).is_file() for n in lle.list_methods())\n"
        "print(lle.__file__, *(sorted({m for m in sys.modules if m.partition('.')[0] == 'mlflow'})))"
    )
    said = run(lle.with_name("python"), "-c", program, cwd=place, env=outside).split("\n")[0]
    assert said == str(next(lle.parents[1].glob("lib/python*/site-packages/lle/__init__.py")))
    assert str(ROOT) not in said


def test_extras_are_named_and_none_needs_another() -> None:
    extras = PROJECT["optional-dependencies"]
    assert {"suite", "render", "read", "edge", "dev"} <= set(extras)
    assert not [line for lines in extras.values() for line in lines if line.startswith(PROJECT["name"])]
    documented = {name for lines in extras.values() for name in lines}
    assert all(re.match(r"[A-Za-z0-9_.\-\[\]]+(\[[a-z]+\])?([<>=!~][^;]*)?$", name) for name in documented)


@pytest.mark.parametrize("extra", sorted(PROJECT["optional-dependencies"]))
def test_an_extra_can_be_installed_alone(built: Path, extra: str, tmp_path: Path) -> None:
    """The registry finds versions for the core and this extra that agree with constraints.txt; nothing is installed."""
    if not os.environ.get("LLE_REGISTRY"):
        pytest.skip("needs a package registry: set LLE_REGISTRY=1")
    (wheel,) = built.glob("*.whl")
    (tmp_path / "in.txt").write_text(f"{PROJECT['name']}[{extra}] @ {wheel.as_uri()}\n")
    resolve = ("uv", "pip", "compile", "--quiet", "--python-version", "3.11.0", "--constraint", ROOT / "constraints.txt")
    run(*resolve, "in.txt", "-o", "out.txt", cwd=tmp_path)
    assert "torch==" in (tmp_path / "out.txt").read_text()
