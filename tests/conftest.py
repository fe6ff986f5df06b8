"""Fixtures that many tests share."""

from __future__ import annotations

import gc
import importlib.metadata
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lle.launch import GARBAGE

ROOT = Path(__file__).parent.parent
LONG = (
    "tests/pipeline/test_repro.py",
    "tests/regression/test_quick_pipeline.py",
    "tests/methods/test_zoo.py",
    "tests/regression/troubles/test_benchmarks.py",
    "tests/unit/tracking/test_sync.py",
    "tests/unit/keys/test_staleness.py",
    "tests/unit/measure/test_backends.py",
    "tests/unit/measure/test_video_benchmarks.py",
    "tests/unit/serve/test_serve_benchmark.py",
    "tests/unit/report/test_sections.py",
    "tests/unit/infer/test_stream.py",
    "tests/docs/test_page_commands.py",
    "tests/regression/test_footnotes.py",
    "tests/docs/test_notebooks.py",
    "tests/unit/test_ranks.py",
)
"""Files that take longest: they go first, so that two processes that share the files end at about the same time."""

CHROMIUM = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
)

# Importing what the tests use makes millions of objects that stay: looking for garbage among them, again and again, takes long.
gc.disable()


def pytest_collection_finish() -> None:
    """Has the garbage collector leave alone what is there before the first test."""
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    gc.enable()


def pytest_sessionfinish() -> None:
    """Lets go of it all: some libraries complain where the interpreter ends and their objects are left."""
    gc.unfreeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests of the long files first; pytest-xdist takes files in this order with `--no-loadscope-reorder`."""
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real photographs and the authors' outputs, beside the checkout or where LLE_SHARED says."""
    folder = Path(os.environ.get("LLE_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}; set LLE_SHARED to the folder that holds it")
    return folder


@pytest.fixture(scope="session")
def empty_store(pytestconfig: pytest.Config) -> Path:
    """An empty database: MLflow takes seconds to make its tables, so that is done once for every version of it."""
    pytest.importorskip("mlflow", reason="the extra `suite` is not installed")
    from filelock import FileLock

    from lle.tracking import store

    path = pytestconfig.cache.mkdir("mlflow") / f"empty-{importlib.metadata.version('mlflow')}.db"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            made = path.with_suffix(".new")
            made.unlink(missing_ok=True)
            store.client(f"sqlite:///{made}").search_experiments()
            made.rename(path)
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """A browser without a window, whose camera shows a test picture."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no chromium on PATH: install it to test the page in a browser")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: uv pip install playwright")
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=executable, args=list(CHROMIUM))
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP of random weights in open_clip's folder layout, with the text width and context of the demo CLIP.

    A test that trains a guided method points `lle.clip.backbone.DEMO` at it.
    """
    import json

    import open_clip
    import torch
    from safetensors.torch import save_file

    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16},
        "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 128, "heads": 2, "layers": 1},
    }
    preprocess = {"size": 32, "mean": [0.5, 0.4, 0.3], "std": [0.3, 0.2, 0.25], "interpolation": "bicubic", "resize_mode": "shortest"}
    folder = tmp_path_factory.mktemp("clip")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        state = open_clip.CLIP(**config).state_dict()
    save_file({key: value.contiguous() for key, value in state.items()}, folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}))
    return folder
