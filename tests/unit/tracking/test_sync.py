"""The store is a picture of the files: made from nothing, left alone when nothing changed, and complete."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from results_tree import make_models, make_reports, write_profile, write_study

from lle.errors import LleError
from lle.files import read_json, write_json
from lle.infer.enhancer import Enhancer
from lle.tracking import store
from lle.tracking.stored import StoredRun, from_client, stored
from lle.tracking.sync import Synced, sync

ALL = ("train@gamma", "evaluate@input", "train@zero_dce")


@pytest.fixture
def uri(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    # Artifacts go to `mlruns` in the working directory.
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(empty_store, tmp_path / "mlflow.db")
    # Absolute, because MLflow keeps one connection for each address in a process.
    return f"sqlite:///{tmp_path}/mlflow.db"


@dataclass(frozen=True)
class Filled:
    """A store that was filled once, for the tests that only look at it."""

    reports: Path
    models: Path
    uri: str
    done: Synced


@pytest.fixture(scope="module")
def filled(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    folder = tmp_path_factory.mktemp("filled")
    reports, models = make_reports(folder / "reports"), make_models(folder / "models")
    shutil.copyfile(empty_store, folder / "mlflow.db")
    uri = f"sqlite:///{folder}/mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return Filled(reports, models, uri, sync(reports, models, uri))


def one(runs: list[StoredRun], name: str) -> StoredRun:
    (found,) = (run for run in runs if run.name == name and run.current)
    return found


def test_a_run_holds_everything(filled: Filled) -> None:
    assert filled.done.made == ALL
    client = store.client(filled.uri)
    found = stored(filled.uri)
    assert sorted(map(repr, from_client(client))) == sorted(map(repr, found))
    run_id = one(found, "train@zero_dce").run_id
    run = client.get_run(run_id)
    assert run.info.run_name == "train@zero_dce"
    assert client.get_experiment(run.info.experiment_id).name == "training"
    assert run.info.end_time - run.info.start_time == 2500
    assert run.data.params["lr"]
    assert run.data.params["seed"] == "3"
    metrics = run.data.metrics
    assert metrics["demo/psnr"] == 11.5
    assert metrics["mine_rendered/loe"] == 110
    assert "demo/musiq" not in metrics
    assert metrics["profile/parameters"] == 79416
    assert metrics["profile/macs.400x600"] == 19e9
    assert metrics["profile/latency_ms.400x600.median"] == 20
    assert metrics["train/seconds"] == 2.5
    assert metrics["system/cpu_percent"] == 90
    assert [(m.step, m.value) for m in client.get_metric_history(run_id, "loss/warm/colour")] == [(i, 1 / (i + 1)) for i in range(10)]
    assert [m.step for m in client.get_metric_history(run_id, "val/psnr")] == [9, 19]
    tags = run.data.tags
    assert tags["mlflow.source.git.commit"] == "0" * 40
    assert tags["dvc.stage"] == "train_zero_dce"
    assert (tags["data.digest"], tags["fingerprint"], tags["config.hash"]) == ("d" * 64, "f" * 64, "c" * 64)
    inputs = {(item.dataset.name, item.tags[0].value): item.dataset.digest for item in run.inputs.dataset_inputs}
    assert inputs == {("training", "training"): "d" * 36, ("demo", "evaluation"): "d" * 36, ("mine_rendered", "evaluation"): "e" * 36}
    assert {item.path for item in client.list_artifacts(run_id, "samples/demo")} == {"samples/demo/a.png", "samples/demo/b.png"}
    assert {item.path for item in client.list_artifacts(run_id, "tables")} >= {
        "tables/demo.json",
        "tables/demo",
        "tables/mine_rendered.json",
    }
    assert len(client.list_artifacts(run_id, "images")) == 4  # two samples and their previews


def test_samples_stand_side_by_side(filled: Filled) -> None:
    uri = filled.uri
    with store.fluent(uri):
        import mlflow

        picture = mlflow.artifacts.load_image(f"runs:/{one(stored(uri), 'train@zero_dce').run_id}/samples/demo/a.png")
    assert picture.size == (3 * 40 + 2 * 4, 30 + 16)
    assert [picture.getpixel((x, 40))[0] for x in (20, 64, 108)] == [100, 100, 200]


def test_phases_are_children(filled: Filled) -> None:
    uri = filled.uri
    client = store.client(uri)
    parent = one(stored(uri), "train@zero_dce").run_id
    experiment = client.get_run(parent).info.experiment_id
    children = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'", order_by=["attributes.start_time"])
    assert {child.info.run_name for child in children} == {"train@zero_dce/warm", "train@zero_dce/fine"}
    fine = next(child for child in children if child.info.run_name.endswith("fine"))
    assert [m.step for m in client.get_metric_history(fine.info.run_id, "loss/colour")] == list(range(10, 20))


def test_a_study_is_a_run_with_a_child_for_every_training(uri: str, tmp_path: Path) -> None:
    reports = make_reports(tmp_path / "reports")
    write_study(reports)
    assert sync(reports, tmp_path / "none", uri).made == (*ALL, "study@no_loss")
    assert sync(reports, tmp_path / "none", uri).unchanged == (*ALL, "study@no_loss")
    client = store.client(uri)
    parent = client.get_run(one(stored(uri), "study@no_loss").run_id)
    experiment = parent.info.experiment_id
    assert client.get_experiment(experiment).name == "studies"
    assert parent.data.tags["dvc.stage"] == "pipelines/studies/dvc.yaml:no_loss"
    assert parent.data.metrics == {"contrast/demo/psnr/full over no_colour": 2.0}
    assert "| full > no_colour | demo | +2 (+1 … +3) psnr | holds |" in parent.data.tags["mlflow.note.content"]
    children = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    found = {child.info.run_name: child for child in children}
    assert set(found) == {f"no_loss/{variant}/{seed}" for variant in ("full", "no_colour") for seed in (0, 1)}
    child = found["no_loss/no_colour/1"]
    assert child.data.metrics == {"demo/psnr": 18.5, "train/iterations": 20, "train/seconds": 1.5}
    assert child.data.params.items() >= {"methods.zero_dce.color_weight": "0", "variant": "no_colour", "seed": "1"}.items()
    assert child.data.tags.items() >= {"lle.method": "zero_dce", "clip_backbone": "demo", "data.digest": "d" * 64}.items()
    # New numbers: the family of the old ones is no longer current.
    write_study(reports, full=21.0)
    assert sync(reports, tmp_path / "none", uri).made == ("study@no_loss",)
    current = client.search_runs([experiment], f"tags.`{store.CURRENT}` = 'true' AND params.variant = 'full'")
    assert sorted(run.data.metrics["demo/psnr"] for run in current) == [20.5, 21.5]


def test_the_model_enhances_at_another_size(filled: Filled) -> None:
    import mlflow

    uri = filled.uri
    run_id = one(stored(uri), "train@zero_dce").run_id
    with store.fluent(uri):
        model = mlflow.pyfunc.load_model(f"runs:/{run_id}/model")
    pictures = np.random.default_rng(0).integers(0, 256, (2, 37, 53, 3), dtype=np.uint8)
    enhanced = model.predict(pictures)
    assert enhanced.dtype == np.uint8
    enhancer = Enhancer.load(filled.models / "zero_dce")
    np.testing.assert_array_equal(enhanced, np.stack([enhancer.enhance(picture) for picture in pictures]))
    assert model.metadata.signature.inputs.inputs[0].shape == (-1, -1, -1, 3)
    assert model.metadata.metadata["method"] == "zero_dce"
    assert not list((filled.models.parent / "mlruns").rglob("*.pkl"))  # nothing that runs code when it is unpickled


def test_nothing_changed_is_fast_and_needs_no_mlflow(filled: Filled) -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\nfrom lle.tracking.sync import sync\n"
        f"done = sync(Path({str(filled.reports)!r}), Path({str(filled.models)!r}), {filled.uri!r})\n"
        "assert not done.made and len(done.unchanged) == 3, done\n"
        "assert not {'mlflow', 'torch', 'pandas', 'PIL'} & sys.modules.keys()\n"
        "print(time.process_time())"  # other work on the machine does not count
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert float(out) < 1


def test_changed_files_make_a_new_run_and_the_old_one_stays(reports: Path, models: Path, uri: str) -> None:
    sync(reports, models, uri)
    before = one(stored(uri), "train@zero_dce")
    path = reports / "metrics/demo/zero_dce.json"
    original = path.read_bytes()
    record = read_json(path)
    record["metrics"]["psnr"]["mean"] = 20.0
    write_json(path, record)
    done = sync(reports, models, uri)
    assert (done.made, done.unchanged) == (("train@zero_dce",), ALL[:2])
    client = store.client(uri)
    after = one(stored(uri), "train@zero_dce")
    assert after.run_id != before.run_id
    assert client.get_run(after.run_id).data.metrics["demo/psnr"] == 20
    assert client.get_run(before.run_id).data.tags["lle.current"] == "false"
    path.write_bytes(original)
    assert sync(reports, models, uri).restored == ("train@zero_dce",)
    assert one(stored(uri), "train@zero_dce") == before


def test_an_empty_store_is_rebuilt(filled: Filled, uri: str) -> None:
    assert sync(filled.reports, filled.models, uri).made == ALL
    assert {(run.name, run.digest) for run in stored(uri)} == {(run.name, run.digest) for run in stored(filled.uri)}


def test_a_fresh_clone_has_everything_but_the_model(reports: Path, models: Path, uri: str, tmp_path: Path) -> None:
    sync(reports, tmp_path / "none", uri)
    run = one(stored(uri), "train@zero_dce")
    assert run.model_digest == ""
    client = store.client(uri)
    assert client.get_run(run.run_id).data.metrics["demo/psnr"] == 11.5
    assert not client.search_logged_models([client.get_run(run.run_id).info.experiment_id])
    # The models arrive: the run gets a successor that has one. They go: it is still the better one.
    assert sync(reports, models, uri).made == ("train@gamma", "train@zero_dce")
    assert sync(reports, tmp_path / "none", uri).made == ()


def test_an_interrupted_run_is_made_again(reports: Path, models: Path, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from lle.tracking import write

    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "send_samples", stop)
    with pytest.raises(KeyboardInterrupt):
        sync(reports, models, uri)
    assert stored(uri) == []
    # As after a kill, when nothing could be cleared away.
    client = store.client(uri)
    client.create_run("0", tags={store.RUN: "train@gamma"})
    monkeypatch.undo()
    monkeypatch.chdir(reports.parent)
    assert sync(reports, models, uri).made == ALL
    assert sorted(run.name for run in stored(uri)) == sorted(ALL)


def test_what_a_killed_process_was_writing_is_undone(empty_store: Path, tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    shutil.copy2(empty_store, database)
    # A cache of one page: the change reaches the file before its end, and a journal says how to take it back.
    script = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA cache_size = 1")
connection.execute("CREATE TABLE half_written AS SELECT randomblob(100000)")
connection.executemany("INSERT INTO experiments (name) VALUES (?)", [(f"half written {i}" * 50,) for i in range(1000)])
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", script, str(database)], check=True)
    assert Path(f"{database}-journal").stat().st_size > 0
    assert stored(f"sqlite:///{database}") == []
    assert not Path(f"{database}-journal").exists()
    assert {e.name for e in store.client(f"sqlite:///{database}").search_experiments()} == {"Default"}


def test_stores_that_cannot_be_used_are_explained(reports: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LleError, match="is a folder"):
        sync(reports, models, "./mlruns")
    with pytest.raises(LleError, match="no MLflow server answers"):
        sync(reports, models, "http://127.0.0.1:9")
    (tmp_path / "broken.db").write_text("not a database at all" * 100)
    with pytest.raises(LleError, match="no SQLite database"):
        sync(reports, models, f"sqlite:///{tmp_path}/broken.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///elsewhere.db")
    assert store.tracking_uri() == "sqlite:///elsewhere.db"
    assert stored("sqlite:///does-not-exist.db") == []
    sqlite3.connect(tmp_path / "empty.db").close()
    assert stored(f"sqlite:///{tmp_path}/empty.db") == []


@pytest.fixture(scope="module", autouse=True)
def started(
    request: pytest.FixtureRequest, empty_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path] | None]:
    """A real MLflow server on a free port of this machine, which comes up while the other tests run."""
    if not any(item.name == "test_a_real_server" for item in request.session.items):
        yield None
        return
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shutil.copyfile(empty_store, folder / "server.db")
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder}/server.db"]
    command += ["--artifacts-destination", str(folder / "artifacts"), "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True, cwd=folder)
    try:
        yield f"http://127.0.0.1:{port}", folder / "server.log"
    finally:
        os.killpg(process.pid, 15)
        process.wait(20)


@pytest.fixture
def server(started: tuple[str, Path]) -> str:
    url, log = started
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{url}/health", timeout=1).close()
            return url
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.25)
    raise AssertionError(log.read_text())


def test_a_real_server(reports: Path, models: Path, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    shutil.rmtree(models / "gamma")  # a server is sent the hundreds of files of a model one by one
    assert sync(reports, models).made == ALL
    assert sync(reports, models).unchanged == ALL
    assert not (tmp_path / "mlruns").exists()
    run = one(stored(server), "train@zero_dce")
    assert {item.name for item in from_client(store.client(server))} == set(ALL)
    with store.fluent(server):
        model = mlflow.pyfunc.load_model(f"runs:/{run.run_id}/model")
        assert model.predict(np.zeros((1, 20, 31, 3), np.uint8)).shape == (1, 20, 31, 3)
        table = mlflow.search_runs(experiment_names=["training"], filter_string="tags.`lle.current` = 'true' AND metrics.`demo/psnr` > 5")
    assert set(table["tags.lle.method"]) == {"gamma", "input", "zero_dce"}


@pytest.mark.parametrize("new", [True, False])
def test_two_synchronisations_at_once_make_every_run_once(new: bool, empty_store: Path, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    for method in ("gamma", "zero_dce"):  # without tables and pictures, which take longer
        write_profile(reports, method)
    if not new:
        shutil.copyfile(empty_store, tmp_path / "two.db")
    # Copies of this process: importing MLflow takes most of the time of a new one.
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork"), os.chdir, (tmp_path,)) as processes:
        both = [processes.submit(sync, reports, tmp_path / "none", f"sqlite:///{tmp_path}/two.db") for _ in range(2)]
        answers = [one.result(timeout=200) for one in both]
    assert sorted(len(done.made) for done in answers) == [0, 2]
    found = stored(f"sqlite:///{tmp_path}/two.db")
    assert sorted(run.name for run in found) == ["train@gamma", "train@zero_dce"]
    assert all(run.current and run.digest for run in found)


def test_runs_of_a_server_that_two_processes_wrote_are_left_once(uri: str, reports: Path, tmp_path: Path) -> None:
    from lle.tracking import runs, write
    from lle.tracking.sync import _abandoned, _remove_doubles

    client = store.client(uri)
    found = runs.collect(reports, tmp_path / "none")
    for _ in range(2):
        write.make(client, found[0])
    write.make(client, found[1])
    assert len(stored(uri)) == 3
    _remove_doubles(client, uri, found)
    assert sorted(run.name for run in stored(uri)) == ["evaluate@input", "train@gamma"]
    # What another process is writing now is left alone; what nobody writes any more is not.
    mine = StoredRun("a", "e", "train@gamma", "", "", False, writer=write.writer())
    gone = StoredRun("b", "e", "train@gamma", "", "", False, writer=f"{socket.gethostname()} 999999999 {int(time.time())}")
    old = StoredRun("c", "e", "train@gamma", "", "", False, writer="elsewhere 1 1000")
    far = StoredRun("d", "e", "train@gamma", "", "", False, writer=f"elsewhere 1 {int(time.time())}")
    live = StoredRun("e", "e", "train@gamma", "", "", False, live=True)
    assert _abandoned([mine, gone, old, far, live], "http://server") == [gone, old]
    assert _abandoned([mine, live], uri) == [mine]


def test_a_server_that_dies_in_the_middle_is_a_message_and_the_next_synchronisation_goes_on(
    uri: str, reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException

    from lle.tracking import write

    def gone(*arguments: object) -> None:
        raise MlflowException("API request failed: Connection refused")

    monkeypatch.setattr(write, "_log_curves", lambda client, run_id, curves, *rest: gone() if curves else None)
    monkeypatch.setattr(write, "delete", gone)
    with pytest.raises(LleError, match=r"failed at train@zero_dce: .*Connection refused\s+2 of 3 changes are made; `lle mlflow sync`"):
        sync(reports, tmp_path / "none", uri)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert sync(reports, tmp_path / "none", uri).made == ("train@zero_dce",)
    assert sorted(run.name for run in stored(uri)) == sorted(ALL)


def test_a_server_that_says_nothing_more_is_given_up_soon(reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server answers the question for its runs and then nothing: no silence of minutes."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr("lle.tracking.sync.stored", lambda uri: [])
        start = time.monotonic()
        with pytest.raises(LleError, match="0 of 3 changes are made"):
            sync(reports, tmp_path / "none", url)
    assert time.monotonic() - start < 60
