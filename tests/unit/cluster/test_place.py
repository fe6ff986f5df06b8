"""Folders and object stores, and what is refused without the packages."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from lle.cluster import session
from lle.cluster.jobs import SlurmJobs, executor
from lle.cluster.manifest import FOLDER, Line, Manifest, begin, read_lines
from lle.cluster.model import PackedModel
from lle.cluster.place import Place, pictures
from lle.errors import DataError, LleError
from lle.infer.files import Output
from lle.measure.cluster import rate


@pytest.fixture(params=["memory", "path", "file"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "memory":
        pytest.importorskip("fsspec")
        return Place(f"memory://{tmp_path.name}/out")
    return Place(f"file://{tmp_path}/out" if request.param == "file" else f"{tmp_path}/out")


def test_what_is_written_is_found(place: Place):
    assert place.names() == []
    assert not place.holds("a/b.png")
    with pytest.raises(FileNotFoundError):
        place.read("a/b.png")
    place.write("a/b.png", b"one")
    place.write("a/b.png", b"two")
    place.write("c.png", b"three")
    assert sorted(place.names()) == ["a/b.png", "c.png"]
    assert place.holds("a/b.png")
    assert place.read("a/b.png") == b"two"


def test_the_pictures_of_a_place_come_in_natural_order(place: Place):
    for name in ("a10.png", "a2.png", "b/a1.jpg", "notes.txt", ".hidden.png"):
        place.write(name, b"x")
    found, _ = pictures(place.address)
    assert [name for _, name in found] == ["a2.png", "a10.png", "b/a1.jpg"]
    with pytest.raises(DataError, match=r"holds no pictures|does not exist"):
        pictures(Place(place.address).join("none"))


def test_a_store_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch):
    memory = pytest.importorskip("fsspec.implementations.memory")
    place = Place("memory://full/out")

    def full(*_: object) -> None:
        raise PermissionError("no more room")

    with monkeypatch.context() as patch:
        patch.setattr(memory.MemoryFile, "commit", full)
        with pytest.raises(LleError, match=r"memory://full/out/a\.png: PermissionError: no more room"):
            place.write("a.png", b"one")
    assert place.names() == []


def test_an_unknown_kind_of_address_is_refused():
    pytest.importorskip("fsspec")
    with pytest.raises(LleError, match="nothing://here cannot be reached"):
        Place("nothing://here").names()


def test_the_last_line_of_a_picture_counts(place: Place):
    with Manifest(place, lines=2) as manifest:
        for status in ("failed", "found", "written"):
            manifest.add(Line(source="in/a.png", target="a.png", status=status))
    assert len([name for name in place.names() if name.startswith(FOLDER)]) == 2
    assert read_lines(place)["a.png"].status == "written"


def test_a_place_takes_results_of_one_job(place: Place):
    begin(place, {"model": "a", "output": 1}, force=False)
    begin(place, {"model": "a", "output": 1}, force=False)
    with pytest.raises(LleError, match="made with another model"):
        begin(place, {"model": "b", "output": 1}, force=False)
    begin(place, {"model": "b", "output": 1}, force=True)


def test_a_store_gets_the_bytes_of_a_folder(tmp_path: Path):
    """The worker's own way to and from an object store, in this process."""
    pytest.importorskip("fsspec")
    from PIL import Image

    from lle.cluster.worker import Task, Worker
    from lle.infer.files import enhance_paths

    Image.fromarray(np.random.default_rng(0).integers(0, 60, (40, 60, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    store = Place("memory://frames/in")
    store.write("a.png", (tmp_path / "a.png").read_bytes())
    store.write("bad.png", b"no picture")
    out = Place("memory://frames/out")
    model, output = PackedModel("gamma"), Output(".jpg", compare=True)
    tasks = [Task(store.join(f"{name}.png"), f"x/{name}.jpg") for name in ("a", "bad", "gone")]
    lines = {line.target: line for line in Worker(model, output, out).run(tasks)}
    enhance_paths(model.load(), [tmp_path / "a.png"], tmp_path / "out", output=output)
    assert {name: out.read(f"x/{name}") for name in ("a.jpg", "a.compare.jpg")} == {
        path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()
    }
    assert sorted(out.names()) == ["x/a.compare.jpg", "x/a.jpg"]
    assert lines["x/a.jpg"].status == "written"
    assert "memory://frames/in/bad.png cannot be read" in str(lines["x/bad.jpg"].error)
    assert "gone.png does not exist any more" in str(lines["x/gone.jpg"].error)
    again = list(Worker(model, output, out).run(tasks[:1]))
    assert [line.status for line in again] == ["found"]
    forced = list(Worker(model, output, out).run([Task(tasks[0].source, tasks[0].target, replaces=True)]))
    assert [line.status for line in forced] == ["written"]


def test_a_store_that_cannot_be_reached_is_the_reason_of_each_picture(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("fsspec")
    pa = pytest.importorskip("pyarrow")
    from lle.cluster.worker import Worker

    def unreachable(*_: object) -> bool:
        raise LleError("memory://frames/out: no route to host")

    monkeypatch.setattr(Place, "holds", unreachable)
    rows = [{"source": f"memory://frames/in/{name}.png", "target": f"{name}.png", "replaces": False} for name in ("a", "b")]
    lines = Worker(PackedModel("gamma"), Output(), Place("memory://frames/out"))(pa.Table.from_pylist(rows)).to_pylist()
    assert [(line["target"], line["status"]) for line in lines] == [("a.png", "failed"), ("b.png", "failed")]
    assert {line["error"] for line in lines} == {"memory://frames/out: no route to host"}


def test_a_plan_leaves_results_alone_and_takes_neighbours(tmp_path: Path):
    from lle.cluster.enhance import plan

    for name in ("in/a.png", "in/out/b.png", "in/out2/c.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    tasks = plan([str(tmp_path / "in")], Place(f"{tmp_path}/in/out"), ".png")
    assert [task.target for task in tasks] == ["a.png", "out2/c.png"]
    (tmp_path / "link").symlink_to(tmp_path / "in")
    with pytest.raises(DataError, match="would replace the input"):
        plan([str(tmp_path / "link")], Place(f"file://{tmp_path}/in"), ".png")


def test_a_model_travels_with_its_files(tmp_path: Path):
    from lle import registry
    from lle.engine.model_io import save_model
    from lle.infer.shipped import Enhancer

    save_model(registry.create("zero_dce", {"width": 4}), "zero_dce", tmp_path / "mine")
    packed = PackedModel.pack(tmp_path / "mine")
    picture = np.random.default_rng(0).integers(0, 60, (32, 48, 3), dtype=np.uint8)
    expected = Enhancer.load(tmp_path / "mine").enhance(picture)
    (tmp_path / "mine/model.safetensors").unlink()
    np.testing.assert_array_equal(packed.load().enhance(picture), expected)
    assert packed.digest != PackedModel.pack(tmp_path / "mine").digest


def test_missing_packages_are_named_with_their_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session, "find_spec", lambda name: None if name in ("ray", "submitit") else importlib.util.find_spec(name))
    for name, engine in (("ray", "ray"), ("submitit", "slurm")):
        with pytest.raises(LleError, match=rf"{name} is not installed.*pip install 'lle-suite\[ray\]'"):
            executor(engine)


def test_without_slurm_it_says_where_to_go(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LleError, match="there is no `sbatch` on this machine"):
        SlurmJobs()


def test_rates_of_processes_add_up():
    assert rate({"a": [1.0, 2.0, 3.0], "b": [0.0, 0.5], "c": [7.0]}) == pytest.approx(1 + 2)
