"""Teacher and student: sizes, ablation switches, the teacher's invariants, students that are other methods."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from helpers import pictures, train
from safetensors.torch import load_file
from torch import nn

from lle import Project, registry
from lle.data.images import write_png
from lle.engine.method import Frozen
from lle.engine.model_io import load_model, save_model
from lle.errors import ConfigError, WeightsError
from lle.files import read_json, sha256
from lle.keys import folder_digest
from lle.methods.distill.config import Config
from lle.methods.distill.loss import attention_transfer, colour_angle, multi_scale_l1
from lle.methods.distill.method import Distill
from lle.methods.distill.network import NetS
from lle.methods.net_t.config import Config as TeacherConfig
from lle.methods.net_t.method import NetTMethod
from lle.methods.net_t.network import NetT
from lle.nn.block_autoencoder import attention_maps
from lle.nn.blocks import power_curve

PARAMS = """
suite: {methods: [gamma], datasets: [mine], prepare: [mine]}
train: {data: mine, accelerator: cpu, threads: 1, validate_images: 0}
profile: {sizes: [[64, 64]]}
data:
  mine: {kind: folder, source: pictures, paired: true, split: train}
methods:
  distill: {iterations: 2, batch_size: 2, crop: 32, w_perceptual: 0.0}
"""

TINY = {"channels": 8, "teacher_channels": 8, "teacher": "random", "w_perceptual": 0.0}


def student(**settings: object) -> Distill:
    torch.manual_seed(0)
    return Distill(Config(**{**TINY, **settings}))


def pair(side: int = 32) -> dict[str, torch.Tensor]:
    low, normal = pictures(2, side)
    return {"low": low, "normal": normal}


@pytest.fixture
def teacher_folder(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    method = NetTMethod(TeacherConfig(channels=8))
    save_model(method, "net_t", tmp_path / "net_t")
    return tmp_path / "net_t"


@pytest.fixture
def enhancer_folder(tmp_path: Path) -> Path:
    torch.manual_seed(4)
    save_model(registry.create("jcrnet", {"width": 0.1}), "jcrnet", tmp_path / "jcrnet")
    return tmp_path / "jcrnet"


def prepare_folder(folder: Path, images: int) -> None:
    low, normal = pictures(images, 48)
    for side, values in (("low", low), ("normal", normal)):
        for k, value in enumerate(values):
            write_png(folder / side / f"{k}.png", (value * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy())


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_sizes():
    assert count(NetT()) == 557_443 == registry.card("net_t").parameters
    assert count(NetS(hdc="none")) == 2_404_867
    assert count(Distill(Config()).network) == 2_404_867 + 14_400 == registry.card("distill").parameters
    light = Distill(Config(preset="light"))
    assert count(light.network) < 0.26 * 2_404_867
    assert {tuple(a.weight.shape) for a in light.adapters.values()} == {(64, 32, 1, 1)}
    assert not Distill(Config()).adapters


def test_teacher_is_marked_as_no_enhancer():
    assert not registry.card("net_t").enhances
    assert registry.card("distill").enhances


@pytest.mark.parametrize("shape", [(1, 3, 37, 53), (2, 3, 16, 17)])
def test_odd_sizes(shape):
    low = torch.rand(shape)
    assert student()(low).shape == shape
    assert NetTMethod(TeacherConfig(channels=8))(low).shape == shape


def test_dilation_is_partial():
    network = NetS(8)
    rates = [[b.enter.dilation[0] for b in block.body[:3]] for block in network.blocks]
    assert rates == [[1, 2, 5], [1, 1, 1]] * 3
    assert [m.dilation[0] for m in network.coding.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)] == [1, 2, 5]
    assert all(m.groups == 8 for m in network.coding.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3))
    assert not NetS(8, hdc="none").coding


def test_teacher_learns_from_normal_light_alone():
    torch.manual_seed(0)
    method = NetTMethod(TeacherConfig(channels=8, blocks=2))
    assert [phase.streams for phase in method.phases()] == [None]
    assert method.stream == "normal"
    run = train(method, 80, batch_size=5, crop=32, lr=5e-3)
    assert run.fell("fit", "fit", 0.85)
    assert run.untouched == set()


def test_teacher_is_in_no_state_and_does_not_change(teacher_folder):
    method = student(teacher="pretrained", teacher_path=str(teacher_folder))
    teacher = method.teacher.on(torch.device("cpu"))
    before = {key: value.clone() for key, value in teacher.state_dict().items()}
    run = train(method, 3, crop=32)
    assert run.untouched == set()
    assert all(value.equal(before[key]) for key, value in teacher.state_dict().items())
    assert not any(p.requires_grad for p in teacher.parameters())
    assert not teacher.training
    inside = {id(p) for update in method.updates() for module in update.moves for p in module.parameters()}
    assert inside.isdisjoint(id(p) for p in teacher.parameters())
    assert set(method.state_dict()) == {f"network.{key}" for key in NetS(8).state_dict()}
    saved = load_model(teacher_folder).network.state_dict()
    assert all(value.equal(before[key]) for key, value in saved.items())


def test_teacher_is_read_late_and_its_absence_says_what_to_do(tmp_path):
    method = student(teacher="pretrained", teacher_path=str(tmp_path / "net_t"))
    method(pair()["low"])
    with pytest.raises(WeightsError, match="lle train net_t"):
        method.loss(pair())


def test_teacher_of_another_shape_names_the_setting(teacher_folder):
    method = student(teacher="pretrained", teacher_path=str(teacher_folder), teacher_channels=64)
    with pytest.raises(ConfigError, match="teacher_channels"):
        method.loss(pair())


def test_random_teacher_is_the_same_one_again_and_draws_nothing():
    first, second, other = student(), student(), student(teacher_seed=1)
    state = torch.random.get_rng_state()
    states = [method.teacher.on(torch.device("cpu")).state_dict() for method in (first, second, other)]
    assert torch.random.get_rng_state().equal(state)
    key = "encoder.0.weight"
    assert states[0][key].equal(states[1][key])
    assert not states[0][key].equal(states[2][key])


ALL = {"l1", "ssim", "color", "tv", "hint", "attention"}


@pytest.mark.parametrize(
    ("settings", "terms"),
    [
        ({}, ALL),
        ({"teacher": "none"}, ALL - {"hint", "attention"}),
        *(({f"w_{name}": 0.0}, ALL - {name}) for name in sorted(ALL)),
    ],
)
def test_every_term_can_be_switched_off(settings, terms):
    assert set(student(**settings).loss(pair())) == terms


def test_weights_scale_their_terms():
    for name in ALL:
        key = f"w_{name}"
        once, twice = student(), student(**{key: 2 * getattr(Config(), key)})
        torch.testing.assert_close(twice.loss(pair())[name], 2 * once.loss(pair())[name])


def test_perceptual_term_uses_a_frozen_network_that_is_not_saved():
    class Stub(nn.Module):
        def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
            return [image, image.mean(1, keepdim=True)]

    method = student(w_perceptual=0.1, teacher="none")
    method.perceptual = Frozen(Stub)
    data = pair()
    result = method(data["low"])
    expected = (result - data["normal"]).abs().mean() + (result - data["normal"]).mean(1).abs().mean()
    torch.testing.assert_close(method.loss(data)["perceptual"], 0.1 * expected)
    assert not any("perceptual" in key for key in method.state_dict())


def test_adapters_learn_and_are_not_used_at_test_time():
    method = student(channels=4)
    assert set(method.adapters) == {"2", "4", "6"}
    assert train(method, 2, crop=32).untouched == set()
    low = pair()["low"]
    expected = method.enhance(low)
    for p in method.adapters.parameters():
        nn.init.zeros_(p)
    assert method.enhance(low).equal(expected)
    assert student(channels=4, w_hint=0.0).adapters.keys() == set()


def test_student_learns_on_ten_images():
    assert train(student(), 25, batch_size=4, crop=32, lr=3e-3).fell("fit", "fit", 0.9)


def test_output_of_an_enhancer_is_imitated(enhancer_folder):
    only = {"w_l1": 0.0, "w_ssim": 0.0, "w_color": 0.0, "w_tv": 0.0}
    method = student(teacher=str(enhancer_folder), **only)
    data = pair()
    terms = method.loss(data)
    expected = (method(data["low"]) - load_model(enhancer_folder).enhance(data["low"])).abs().mean()
    assert set(terms) == {"output"}
    torch.testing.assert_close(terms["output"], expected)
    assert train(method, 9, crop=32, lr=1e-2).fell("fit", "fit", 0.9)
    assert not any(key.startswith("teacher") for key in method.state_dict())


def test_correction_starts_at_the_brightened_picture():
    low = pair()["low"]
    assert student()(low).equal(power_curve(low, 0.45))
    whole = student(exponent=None)(low)
    assert not whole.equal(low)
    assert whole.min() > 0
    assert whole.max() < 1


def test_zero_dce_learns_from_a_model_folder(enhancer_folder, tmp_path, monkeypatch):
    """What `lle train distill -S methods.distill.student=zero_dce -S methods.distill.teacher=<run>` does."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(PARAMS, encoding="utf-8")
    prepare_folder(tmp_path / "pictures", 4)
    Project().fetch("mine")
    chosen = ["methods.distill.student=zero_dce", f"methods.distill.teacher={enhancer_folder}"]
    folder = Project(overrides=chosen).train("distill")
    record = read_json(folder / "train.json")
    assert record["settings"]["student"] == "zero_dce"
    assert record["provenance"]["inputs"][str(enhancer_folder)] == folder_digest(enhancer_folder)
    trained = load_model(folder)
    own = registry.create("zero_dce")
    assert set(trained.state_dict()) == {f"network.{key}" for key in own.state_dict()}
    with pytest.raises(ConfigError, match="no such blocks"):
        Project(overrides=[*chosen[:1], "methods.distill.teacher=pretrained"]).train("distill")


def test_the_trainer_keeps_the_teacher_out_of_the_students_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(PARAMS, encoding="utf-8")
    prepare_folder(tmp_path / "pictures", 4)
    Project().fetch("mine")
    small = ["methods.net_t.channels=8", "methods.net_t.iterations=2", "methods.net_t.batch_size=2", "methods.net_t.crop=32"]
    teacher = Project(overrides=small).train("net_t")
    before = sha256(teacher / "model.safetensors")
    checkpoints = []
    save = torch.save
    monkeypatch.setattr(torch, "save", lambda state, path: (checkpoints.append(set(state["method"])), save(state, path)))
    folder = Project(overrides=["methods.distill.channels=8", "methods.distill.teacher_channels=8"]).train("distill")
    expected = {f"network.{key}" for key in NetS(8).state_dict()}
    assert checkpoints == [expected]
    assert set(load_file(folder / "model.safetensors")) == expected
    assert sha256(teacher / "model.safetensors") == before
    assert set(read_json(folder / "train.json")["provenance"]["inputs"]) == {"build/data/mine", "build/models/net_t"}


def test_another_method_can_be_the_student(enhancer_folder):
    method = student(student="jcrnet", student_settings={"width": 0.1}, teacher=str(enhancer_folder))
    before = {key: value.clone() for key, value in method.network.network.state_dict().items()}
    run = train(method, 1, crop=32)
    assert {"output", "l1"} <= run.terms["fit", "fit"].keys()
    after = method.network.network.state_dict()
    assert any(not value.equal(before[key]) for key, value in after.items())
    with pytest.raises(ConfigError, match="net_s"):
        method.attention_maps(pair()["low"])


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"student": "jcrnet"}, "no such blocks"),
        ({"teacher": "pretraind"}, "Did you mean 'pretrained'"),
        ({"hint_blocks": (2, 7)}, "block 7"),
        ({"student_settings": {"width": 1}}, "student_settings"),
    ],
)
def test_settings_that_make_no_sense(settings, reason):
    with pytest.raises(ValueError, match=reason):
        Config(**settings)


@pytest.mark.parametrize(("name", "reason"), [("net_t", "enhances nothing"), ("distill", "own student")])
def test_students_that_cannot_learn(name, reason):
    with pytest.raises(ConfigError, match=reason):
        student(student=name, teacher="none")


def test_classical_method_cannot_be_a_student():
    with pytest.raises(ConfigError, match="no weights"):
        student(student="gamma", teacher="none")


def test_a_teacher_that_only_reconstructs_has_no_output_to_imitate(teacher_folder):
    with pytest.raises(ConfigError, match="teacher=pretrained"):
        student(teacher=str(teacher_folder)).loss(pair())


def test_an_enhancer_is_no_feature_teacher(enhancer_folder):
    with pytest.raises(ConfigError, match=r"distill\.teacher="):
        student(teacher="pretrained", teacher_path=str(enhancer_folder)).loss(pair())


def test_attention_maps_by_block():
    maps = student().attention_maps(torch.rand(2, 3, 33, 40))
    assert [tuple(m.shape) for m in maps] == [(2, 9, 10)] * 6
    for values in maps:
        assert values.amin((1, 2)).tolist() == [0, 0]
        assert values.amax((1, 2)).tolist() == pytest.approx([1, 1])
    assert len(attention_maps(NetT(8, 2), torch.rand(1, 3, 16, 16))) == 2


def test_losses_by_hand():
    image = torch.zeros(1, 3, 4, 4)
    checker = torch.zeros(4, 4)
    checker[::2, ::2] = checker[1::2, 1::2] = 1
    reference = checker.expand(1, 3, 4, 4)
    # Half of the pixels differ by 1; at half and quarter size all differ by 1/2.
    assert multi_scale_l1(image, reference, (1, 0.5, 0.25)).item() == pytest.approx(0.5 * 1.75)
    colours = torch.rand(2, 3, 5, 5) + 0.1
    assert colour_angle(colours, 0.3 * colours).item() == pytest.approx(0, abs=1e-6)
    red, green = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1), torch.tensor([0, 1.0, 0]).view(1, 3, 1, 1)
    assert colour_angle(red, green).item() == pytest.approx(1)
    features = torch.rand(2, 4, 3, 3)
    assert attention_transfer(features, 5 * features).item() == pytest.approx(0, abs=1e-12)
    # Attention on two different single pixels of nine: squared distance 2, mean 2/9.
    a, b = torch.zeros(1, 1, 3, 3), torch.zeros(1, 2, 3, 3)
    a[0, 0, 0, 0], b[0, :, 2, 2] = 2, 1
    assert attention_transfer(a, b).item() == pytest.approx(2 / 9)
