from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data as photographs

from lle.data.images import read_rgb, write_png
from lle.data.pairs import Prepared, Row, open_prepared, write_manifest
from lle.errors import DataError, LleError
from lle.measure.quality import INPUT, evaluate, significant
from lle.metrics.protocol import to_uint8
from lle.metrics.psnr import psnr
from lle.results.quality import Evaluation

SIZE = (96, 97)


def _prepare(folder: Path, paired: bool = True, count: int = 3) -> Prepared:
    home = folder / "tiny"
    rows = []
    photo = photographs.coffee()
    for i in range(count):
        normal = np.ascontiguousarray(photo[40 * i : 40 * i + SIZE[0], 60 * i : 60 * i + SIZE[1]])
        low = to_uint8((normal / 255) ** 2 * 0.4)
        paths = {kind: home / kind / f"p{i}.png" for kind in ("low", "normal")}
        write_png(paths["low"], low)
        write_png(paths["normal"], normal)
        rows.append(Row("test", f"scene{i}", paths["low"], paths["normal"] if paired else None))
    write_manifest(home, "tiny", "demo", rows)
    return open_prepared("tiny", folder)


def lift(image: np.ndarray) -> np.ndarray:
    return to_uint8((image / 255) ** 0.5)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_writes_exactly_these_files_with_the_same_bytes_twice(tmp_path: Path) -> None:
    prepared = _prepare(tmp_path)
    names = [row.image for row in prepared.rows("test")]
    for out, workers in (("a", 1), ("b", 2)):
        evaluate("lift", lift, prepared, out=tmp_path / out, provenance={"git": "abc"}, workers=workers)
        evaluate(INPUT, lift, prepared, out=tmp_path / out, workers=workers)
    files = _files(tmp_path / "a")
    wanted = {f"metrics/tiny/{method}.{suffix}" for method in ("lift", "input") for suffix in ("json", "csv")}
    wanted |= {f"samples/tiny/{kind}/{name}.webp" for kind in ("lift", "input", "normal") for name in names}
    assert set(files) == wanted
    assert files == _files(tmp_path / "b")


def test_the_result_says_what_was_measured_and_how(tmp_path: Path) -> None:
    prepared = _prepare(tmp_path)
    result = evaluate("lift", lift, prepared, out=tmp_path / "r", trained_on="training", provenance={"git": "abc", "data_digest": None})
    assert result == Evaluation.read(tmp_path / "r/metrics/tiny/lift.json")
    assert (result.method, result.dataset, result.split, result.images) == ("lift", "tiny", "test", 3)
    assert result.trained_on == "training"
    assert result.protocol["rounding"] == "8-bit"
    assert result.protocol["interval"].endswith("over pictures")
    assert result.provenance.plain() == {"git": "abc", "data_digest": prepared.digest}

    with (tmp_path / "r/metrics/tiny/lift.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    assert [line["image"] for line in lines] == [row.image for row in prepared.rows("test")]
    assert {(line["width"], line["height"]) for line in lines} == {("97", "96")}
    first = prepared.rows("test")[0]
    assert first.low is not None
    assert first.normal is not None
    assert float(lines[0]["psnr"]) == significant(psnr(lift(read_rgb(first.low)), read_rgb(first.normal)))
    mean = np.mean([float(line["psnr"]) for line in lines])
    assert result.metrics["psnr"].mean == pytest.approx(mean, rel=1e-5)
    assert result.metrics["psnr"].low <= mean <= result.metrics["psnr"].high
    for name, value in result.metrics.items():
        if value.mean is None:
            assert value.missing, name
            assert name not in lines[0]


def test_intervals_are_over_scenes_where_there_are_enough(tmp_path: Path) -> None:
    result = evaluate(INPUT, lift, _prepare(tmp_path, count=10), out=tmp_path / "r", metrics=["psnr"])
    assert result.protocol["interval"].endswith("over scenes")


def test_the_input_is_measured_untouched(tmp_path: Path) -> None:
    result = evaluate(INPUT, lift, _prepare(tmp_path), out=tmp_path / "r", metrics=["loe", "psnr"])
    assert set(result.metrics) == {"psnr", "loe"}
    assert result.metrics["loe"].mean == 0


def test_an_unpaired_set_has_no_reference_metrics_and_says_why(tmp_path: Path) -> None:
    result = evaluate(INPUT, lift, _prepare(tmp_path, paired=False), out=tmp_path / "r")
    for name in ("psnr", "ssim", "ssim_y", "vif", "psnr_gt_mean"):
        assert result.metrics[name].mean is None
        assert "no normal-light references" in result.metrics[name].missing
    for name in ("loe", "ceiq", "piqe", "entropy"):
        assert result.metrics[name].n == 3
    assert not (tmp_path / "r/samples/tiny/normal").exists()


def test_float_outputs_are_rounded_by_the_protocol(tmp_path: Path) -> None:
    prepared = _prepare(tmp_path)
    a = evaluate("m", lift, prepared, out=tmp_path / "a", metrics=["psnr"])
    b = evaluate("m", lambda image: (image / 255) ** 0.5, prepared, out=tmp_path / "b", metrics=["psnr"])
    assert a == b


def test_nan_is_an_error_that_names_the_picture_and_leaves_no_result(tmp_path: Path) -> None:
    prepared = _prepare(tmp_path)
    name = prepared.rows("test")[0].image
    with pytest.raises(LleError, match=rf"NaN.*'{name}'"):
        evaluate("bad", lambda image: np.full(image.shape, np.nan), prepared, out=tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_an_output_of_another_size_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LleError, match="shape"):
        evaluate("bad", lambda image: image[::2], _prepare(tmp_path), out=tmp_path / "r")


@pytest.mark.parametrize("damage", ["missing", "corrupt"])
def test_a_lost_picture_is_named(tmp_path: Path, damage: str) -> None:
    prepared = _prepare(tmp_path)
    path = prepared.rows("test")[1].low
    assert path is not None
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"p1\.png"):
        evaluate("lift", lift, prepared, out=tmp_path / "r")


def test_a_metric_that_is_not_defined_for_a_picture_says_so(tmp_path: Path) -> None:
    home = tmp_path / "small"
    write_png(home / "low" / "p.png", np.full((40, 40, 3), 30, np.uint8))
    write_png(home / "normal" / "p.png", np.full((40, 40, 3), 90, np.uint8))
    write_manifest(home, "small", "demo", [Row("test", "s", home / "low" / "p.png", home / "normal" / "p.png")])
    prepared = open_prepared("small", tmp_path)
    result = evaluate("lift", lift, prepared, out=tmp_path / "r", metrics=["psnr", "vif"])
    assert result.metrics["vif"].mean is None
    assert f"'{prepared.rows('test')[0].image}'" in result.metrics["vif"].missing
    assert "at least 80" in result.metrics["vif"].missing
    assert result.metrics["psnr"].n == 1
    with (tmp_path / "r/metrics/small/lift.csv").open() as stream:
        assert next(csv.DictReader(stream))["vif"] == ""


def test_samples_are_small_and_old_ones_go(tmp_path: Path) -> None:
    home = tmp_path / "wide"
    write_png(home / "low" / "p.png", np.full((200, 900, 3), 60, np.uint8))
    write_manifest(home, "wide", "demo", [Row("test", "s", home / "low" / "p.png")])
    prepared = open_prepared("wide", tmp_path)
    old = tmp_path / "r/samples/wide/lift/old.webp"
    old.parent.mkdir(parents=True)
    old.touch()
    evaluate("lift", lift, prepared, out=tmp_path / "r", metrics=["entropy"])
    (sample,) = old.parent.iterdir()
    assert cv2.imread(str(sample)).shape == (107, 480, 3)


def test_unknown_metrics_are_refused_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(LleError, match="Did you mean 'psnr'"):
        evaluate("lift", lift, _prepare(tmp_path), out=tmp_path / "r", metrics=["psn"])
