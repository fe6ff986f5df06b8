"""The enhancer: from names to pictures, whole or in tiles, and nothing of the user's lost."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lle import registry
from lle.config.base import MethodConfig
from lle.data.images import read_rgb, write_png
from lle.engine.method import Method
from lle.engine.model_io import save_model
from lle.errors import DataError, LleError, WeightsError
from lle.infer import engine, files, memory, tiling
from lle.infer import enhancer as enhancers
from lle.infer.adjust import Adjust
from lle.infer.enhancer import Enhancer
from lle.infer.files import enhance_paths, plan_paths
from lle.infer.pictures import Photo, read_photo


class Brighten(Method):
    def forward(self, low: Tensor) -> Tensor:
        return low.sqrt()


class Strided(Method):
    """A local network with two halvings, whose result depends on where its grid begins."""

    stream: ClassVar = "paired"

    def __init__(self, config: MethodConfig) -> None:
        super().__init__(config)
        torch.manual_seed(0)
        self.network = nn.ModuleList([nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 3, 3, padding=1)])

    def forward(self, low: Tensor) -> Tensor:
        height, width = low.shape[2:]
        padded = F.pad(low, (0, -width % 4, 0, -height % 4), mode="replicate")
        x = F.max_pool2d(self.network[0](padded).relu(), 4)
        x = F.interpolate(self.network[1](x), scale_factor=4)
        return (padded + 0.3 * self.network[2](x))[:, :, :height, :width]


class Averaging(Method):
    """Says it is local, and is not."""

    def forward(self, low: Tensor) -> Tensor:
        return low / low.mean().clamp(min=0.1) / 3


class Whole(Averaging):
    scope: ClassVar = "global"


CLASSES = {"brighten": Brighten, "strided": Strided}


@pytest.fixture(autouse=True)
def methods(monkeypatch: pytest.MonkeyPatch) -> None:
    known = dict(registry.packages())
    monkeypatch.setattr(registry, "packages", lambda: {**known, **dict.fromkeys(CLASSES, "here")})
    monkeypatch.setattr(registry, "create", lambda name, settings=None: CLASSES[name](MethodConfig(**(settings or {}))))


def picture(height: int = 40, width: int = 56, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_rounds_to_the_nearest_level() -> None:
    low = picture()
    expected = np.rint(np.sqrt(low / np.float32(255)) * 255).astype(np.uint8)
    np.testing.assert_array_equal(Enhancer(Brighten(MethodConfig())).enhance(low), expected)


@pytest.mark.parametrize("shape", [(40, 40), (40, 40, 4), (8, 40, 3)])
def test_refuses_other_arrays(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="expected H x W x 3 uint8"):
        Enhancer(Brighten(MethodConfig())).enhance(np.zeros(shape, np.uint8))


def test_tiles_give_the_result_of_one_piece() -> None:
    method = Strided(MethodConfig())
    low = picture(203, 331)
    whole = Enhancer(method).enhance(low)
    tiled = Enhancer(method, tile=64)
    assert tiled._halo == 32
    np.testing.assert_array_equal(tiled.enhance(low), whole)


def test_reach_is_that_of_the_network() -> None:
    # The block of 4 pixels at the cut (first convolution), the next one (second), and one pixel more (third).
    assert tiling.reach(Strided(MethodConfig()).enhance, torch.device("cpu")) == 4 + 4 + 1
    assert tiling.reach(Brighten(MethodConfig()).enhance, torch.device("cpu")) == 0


@pytest.mark.parametrize("method", [Whole, Averaging])
def test_tiles_are_refused_for_methods_that_see_everything(method: type[Method], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiling, "_CUTS", (96,))
    with pytest.raises(LleError, match="looks at the whole picture"):
        Enhancer(method(MethodConfig()), "whole", tile=64)


@pytest.mark.parametrize("tile", [0, -32, 33])
def test_odd_tile_sizes_are_refused(tile: int) -> None:
    with pytest.raises(LleError, match="multiple of 32"):
        Enhancer(Brighten(MethodConfig()), tile=tile)


def test_load_by_id_folder_and_file(tmp_path: Path) -> None:
    method = Strided(MethodConfig())
    method.network[2].bias.data.fill_(0.5)
    save_model(method, "strided", tmp_path / "models/strided")
    (tmp_path / "models/strided/other.safetensors").write_bytes((tmp_path / "models/strided/model.safetensors").read_bytes())
    expected = Enhancer(method).enhance(picture())
    for name in ("strided", tmp_path / "models/strided", str(tmp_path / "models/strided/other.safetensors")):
        loaded = Enhancer.load(name, models=tmp_path / "models")
        assert loaded.name == "strided"
        np.testing.assert_array_equal(loaded.enhance(picture()), expected)
    assert Enhancer.load("brighten", models=tmp_path / "models").name == "brighten"


def test_load_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="lle train strided"):
        Enhancer.load("strided", models=tmp_path)
    with pytest.raises(LleError, match="Did you mean 'strided'"):
        Enhancer.load("stridde", models=tmp_path)
    with pytest.raises(LleError, match="is no model"):
        Enhancer.load("some/thing.txt")
    with pytest.raises(WeightsError, match="does not exist"):
        Enhancer.load(tmp_path / "none.safetensors")
    (tmp_path / "lone.safetensors").write_bytes(b"")
    with pytest.raises(WeightsError, match=r"method\.json beside it"):
        Enhancer.load(tmp_path / "lone.safetensors")
    with pytest.raises(LleError, match="no device"):
        Enhancer(Brighten(MethodConfig()), device="toaster")


def test_paths_keep_names_and_subfolders(tmp_path: Path) -> None:
    write_png(tmp_path / "in/a.png", picture(seed=1))
    write_png(tmp_path / "in/sub/b.png", picture(seed=2))
    (tmp_path / "in/notes.txt").write_text("no picture")
    write_png(tmp_path / "single.png", picture(seed=3))
    seen: list[tuple[int, int, str]] = []
    enhancer = Enhancer(Brighten(MethodConfig()))
    written = enhance_paths(
        enhancer,
        [tmp_path / "in", tmp_path / "single.png"],
        tmp_path / "out",
        on_progress=lambda done, total, path: seen.append((done, total, path.name)),
    )
    assert written == [tmp_path / "out/a.png", tmp_path / "out/sub/b.png", tmp_path / "out/single.png"]
    assert seen == [(1, 3, "a.png"), (2, 3, "b.png"), (3, 3, "single.png")]
    np.testing.assert_array_equal(read_rgb(written[1]), enhancer.enhance(picture(seed=2)))
    assert sorted(path.name for path in (tmp_path / "out").rglob("*")) == ["a.png", "b.png", "single.png", "sub"]


def test_a_single_file_may_go_to_a_png_name(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", picture())
    assert enhance_paths(Enhancer(Brighten(MethodConfig())), [tmp_path / "a.png"], tmp_path / "b.png") == [tmp_path / "b.png"]


def test_nothing_is_overwritten_without_force(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_png(tmp_path / f"in/{name}.png", picture())
    (tmp_path / "out").mkdir()
    (tmp_path / "out/b.png").write_bytes(b"precious")
    enhancer = Enhancer(Brighten(MethodConfig()))
    with pytest.raises(DataError, match="exist already"):
        enhance_paths(enhancer, [tmp_path / "in"], tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.png"]
    assert (tmp_path / "out/b.png").read_bytes() == b"precious"
    enhance_paths(enhancer, [tmp_path / "in"], tmp_path / "out", force=True)
    assert read_rgb(tmp_path / "out/b.png").shape == (40, 56, 3)


def test_inputs_are_never_replaced_and_names_never_clash(tmp_path: Path) -> None:
    write_png(tmp_path / "in/a.png", picture())
    with pytest.raises(DataError, match="would replace the input"):
        plan_paths([tmp_path / "in"], tmp_path / "in", force=True)
    write_png(tmp_path / "other/a.png", picture())
    with pytest.raises(DataError, match="would both become"):
        plan_paths([tmp_path / "in/a.png", tmp_path / "other/a.png"], tmp_path / "out")
    with pytest.raises(DataError, match="do not exist"):
        plan_paths([tmp_path / "nothing.png"], tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no pictures"):
        plan_paths([tmp_path / "empty"], tmp_path / "out")


def test_results_inside_the_input_folder_are_not_inputs(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", picture())
    write_png(tmp_path / "out/a.png", picture())
    assert plan_paths([tmp_path], tmp_path / "out", force=True) == [(tmp_path / "a.png", tmp_path / "out/a.png")]


def test_a_corrupt_picture_is_named_and_the_others_are_done(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_png(tmp_path / f"in/{name}.png", picture())
    broken = tmp_path / "in/b.png"
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(DataError, match=r"1 of 3 pictures(?s:.*)in/b\.png"):
        enhance_paths(Enhancer(Brighten(MethodConfig())), [tmp_path / "in"], tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "c.png"]


def test_lack_of_memory_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Method, low: Tensor) -> Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 123 bytes.")

    monkeypatch.setattr(Brighten, "forward", fail)
    with pytest.raises(LleError, match="not enough memory for 56x40 pixels"):
        Enhancer(Brighten(MethodConfig()), "brighten").enhance(picture())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    def overflow(self: Method, low: Tensor) -> Tensor:
        output = low.clone()
        output[0, 0, 3, 5] = value
        return output

    monkeypatch.setattr(Brighten, "forward", overflow)
    for tile in (None, 32):
        with pytest.raises(WeightsError, match=r"'brighten' makes NaN or infinite values(?s:.*)lle train brighten"):
            Enhancer(Brighten(MethodConfig()), "brighten", tile).enhance(picture())


@pytest.mark.parametrize("name", ["result.jpg", "result.JPEG", "result.webp", "result.bmp", "result.tif"])
def test_a_single_file_may_go_to_any_format_that_can_be_written(tmp_path: Path, name: str) -> None:
    smooth = np.tile(np.linspace(10, 200, 56).astype(np.uint8)[None, :, None], (40, 1, 3))
    write_png(tmp_path / "a.png", smooth)
    enhancer = Enhancer(Brighten(MethodConfig()))
    assert enhance_paths(enhancer, [tmp_path / "a.png"], tmp_path / name) == [tmp_path / name]
    difference = read_rgb(tmp_path / name).astype(int) - enhancer.enhance(smooth)
    assert np.abs(difference).max() <= 6


def test_one_name_for_many_pictures_is_refused(tmp_path: Path) -> None:
    for name in ("in/a", "in/b"):
        write_png(tmp_path / f"{name}.png", picture())
    both = [tmp_path / "in/a.png", tmp_path / "in/b.png"]
    with pytest.raises(DataError, match=r"result\.jpg names one picture, but there are 2 inputs"):
        plan_paths(both, tmp_path / "result.jpg")
    with pytest.raises(DataError, match="is a folder"):
        plan_paths([tmp_path / "in"], tmp_path / "result.png")
    with pytest.raises(DataError, match=r"cannot be written as \.gif"):
        plan_paths(both[:1], tmp_path / "result.gif")
    (tmp_path / "folder.png").mkdir()
    assert [target for _, target in plan_paths(both, tmp_path / "folder.png")] == [tmp_path / "folder.png" / f"{n}.png" for n in "ab"]


def test_whatever_a_reader_raises_is_that_pictures_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        write_png(tmp_path / f"in/{name}.png", picture())

    def read(path: Path, sixteen: bool) -> Photo:
        if path.stem == "b":
            raise AttributeError("IFDRational")
        return read_photo(path, sixteen)

    monkeypatch.setattr(files, "read_photo", read)
    with pytest.raises(DataError, match=r"1 of 3 pictures(?s:.*)in/b\.png cannot be read or enhanced \(AttributeError: IFDRational\)"):
        enhance_paths(Enhancer(Brighten(MethodConfig())), [tmp_path / "in"], tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "c.png"]


@pytest.mark.parametrize("stem", ["x" * 246, "井" * 82])
def test_names_as_long_as_the_file_system_takes_them(tmp_path: Path, stem: str) -> None:
    write_png(tmp_path / "in/a.png", picture())
    (tmp_path / "in/a.png").rename(tmp_path / f"in/{stem}.png")
    assert enhance_paths(Enhancer(Brighten(MethodConfig())), [tmp_path / "in"], tmp_path / "out") == [tmp_path / f"out/{stem}.png"]
    with pytest.raises(DataError, match="File name too long"):
        plan_paths([tmp_path / ("y" * 300)], tmp_path / "out")
    with pytest.raises(DataError, match="File name too long"):
        plan_paths([tmp_path / "in"], tmp_path / ("y" * 300))


def test_a_full_disk_is_called_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_png(tmp_path / "a.png", picture())

    def fail(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(DataError, match="The disk is full: free space"):
        enhance_paths(Enhancer(Brighten(MethodConfig())), [tmp_path / "a.png"], tmp_path / "out")


def test_memory_is_given_back_after_each_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What that is worth shows after dozens of large pictures only: 0.6 GB stay 0.6 GB, and become 1.1 GB without it.
    for name in "abc":
        write_png(tmp_path / f"in/{name}.png", picture())
    calls: list[bool] = []
    monkeypatch.setattr(files, "give_back", lambda: calls.append(memory.give_back()))
    enhance_paths(Enhancer(Brighten(MethodConfig())), [tmp_path / "in"], tmp_path / "out")
    assert len(calls) == 3


class Lifted(Method):
    """Divides by the picture's mean, which it can take from a reduced view, and smooths."""

    scope: ClassVar = "global"

    def forward(self, low: Tensor) -> Tensor:
        return self.enhance_with(low, self.estimate(low))

    def estimate(self, view: Tensor) -> Tensor:
        return view.mean(dim=(1, 2, 3))

    def enhance_with(self, low: Tensor, parameters: Tensor) -> Tensor:
        return F.avg_pool2d(0.3 * low / parameters[:, None, None, None], 5, stride=1, padding=2, count_include_pad=False)


def test_a_global_method_that_estimates_works_by_tile() -> None:
    low = picture(203, 331)
    method = Lifted(MethodConfig())
    whole, tiled = Enhancer(method).enhance(low), Enhancer(method, tile=64)
    assert tiled._halo == 32
    # The view is the picture itself, for it is small.
    np.testing.assert_array_equal(tiled.enhance(low), whole)
    method.estimate = lambda view: torch.full((1,), 0.9)  # type: ignore[method-assign]
    assert np.abs(tiled.enhance(low).astype(int) - whole).max() > 20, "tiles follow what was estimated once"


def test_the_view_of_a_large_picture_is_reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "VIEW", 64)
    seen: list[tuple[int, ...]] = []

    class Seeing(Lifted):
        def estimate(self, view: Tensor) -> Tensor:
            seen.append(tuple(view.shape))
            return super().estimate(view)

    enhancer = Enhancer(Seeing(MethodConfig()), tile=64)
    seen.clear()
    low = picture(128, 256)
    tiled = enhancer.enhance(low)
    assert seen == [(1, 3, 32, 64)]
    assert np.abs(tiled.astype(int) - Enhancer(Lifted(MethodConfig())).enhance(low)).max() <= 1


def test_large_pictures_are_tiled_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enhancers, "LARGE", 64 * 64)
    monkeypatch.setattr(enhancers, "TILE", 32)
    sizes: list[tuple[int, ...]] = []

    class Watched(Brighten):
        def forward(self, low: Tensor) -> Tensor:
            sizes.append(tuple(low.shape[2:]))
            return super().forward(low)

    enhancer, low = Enhancer(Watched(MethodConfig())), picture(96, 128)
    np.testing.assert_array_equal(enhancer.enhance(low), Enhancer(Brighten(MethodConfig())).enhance(low))
    assert max(max(size) for size in sizes[-12:]) <= 32 + 2 * 32
    enhancer = Enhancer(Whole(MethodConfig()), "whole")
    assert enhancer.enhance(low).shape == low.shape
    monkeypatch.setattr(enhancers, "LARGEST", 96 * 128 - 1)
    with pytest.raises(LleError, match="128x96 pixels are too many for 'whole', which looks at the whole picture"):
        enhancer.enhance(low)


def test_sixteen_bits_keep_their_levels() -> None:
    low = np.random.default_rng(0).integers(0, 65536, (40, 56, 3)).astype(np.uint16)
    for tile in (None, 32):
        given = Enhancer(Brighten(MethodConfig()), tile=tile).enhance(low)
        assert given.dtype == np.uint16
        assert np.abs(given.astype(int) - np.rint(np.sqrt(low / 65535) * 65535)).max() <= 1


def test_results_take_the_format_and_have_strips_beside_them(tmp_path: Path) -> None:
    write_png(tmp_path / "in/sub/a.png", picture())
    output = files.Output(format=".webp", adjust=Adjust(strength=0.5), compare=True)
    written = enhance_paths(Enhancer(Brighten(MethodConfig())), [tmp_path / "in"], tmp_path / "out", output=output)
    assert written == [tmp_path / "out/sub/a.webp"]
    assert sorted(path.name for path in (tmp_path / "out/sub").iterdir()) == ["a.compare.webp", "a.webp"]
    assert read_rgb(tmp_path / "out/sub/a.compare.webp").shape == (84, 56, 3)
    write_png(tmp_path / "in/sub/a.compare.png", picture())
    with pytest.raises(DataError, match=r"would both become .*a\.compare\.webp"):
        enhance_paths(Enhancer(Brighten(MethodConfig())), [tmp_path / "in"], tmp_path / "other", output=output)


def test_what_was_interrupted_goes_on(tmp_path: Path) -> None:
    for name in "abcde":
        write_png(tmp_path / f"in/{name}.png", picture())
    enhancer = Enhancer(Brighten(MethodConfig()))

    def stop(done: int, total: int, path: Path) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        enhance_paths(enhancer, [tmp_path / "in"], tmp_path / "out", on_progress=stop)
    done = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert 2 <= len(done) < 5
    expected = enhancer.enhance(picture())
    for name in done:
        np.testing.assert_array_equal(read_rgb(tmp_path / "out" / name), expected)
    rest = enhance_paths(enhancer, [tmp_path / "in"], tmp_path / "out", skip_existing=True)
    assert sorted([*done, *(path.name for path in rest)]) == [f"{name}.png" for name in "abcde"]
    assert enhance_paths(enhancer, [tmp_path / "in"], tmp_path / "out", skip_existing=True) == []
