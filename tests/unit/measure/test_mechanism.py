"""Numbers about mechanisms: shares of gradients by hand, every method that declares numbers, the stage, and its section."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from report_files import make_reports
from torch import Tensor, nn

from lle import registry
from lle.clip import backbone
from lle.config.base import MethodConfig
from lle.config.load import load_params
from lle.data.images import write_png
from lle.data.prepare import prepare
from lle.engine.method import Batch, Losses, Method, Phase, Stream, Update
from lle.engine.model_io import load_model, save_model
from lle.engine.probe import Measure, Probe
from lle.engine.validation import psnr
from lle.errors import ConfigError, LleError
from lle.files import write_json, write_text
from lle.measure.mechanism import mechanism
from lle.report.sections.mechanism import section
from lle.results.mechanism import Mechanism
from lle.results.read import read_results

PARAMS = """
suite: {methods: [gamma], datasets: [mine], prepare: [mine]}
train: {data: mine}
profile: {sizes: [[64, 64]]}
data:
  mine: {kind: folder, source: pictures, paired: true, split: {val: 1.0}}
  masks: {kind: demo_seg, train: 1, val: 1, test: 1, size: 64}
"""
SIDE = 48
HINGES = {1: (0.1, 0.2, 0.1, 0.3, 0, 0.1), 2: (0.1, 0.2, 0.1, 0.3, 1, 0.1)}
LOG = "iteration,phase,update,term,value\n" + "".join(
    f"10,refine_{number},refine,S{hinge},{value}\n" for number, values in HINGES.items() for hinge, value in enumerate(values)
)
"""In the first refinement the hinge S4 never acts."""


class Pull(Method):
    """One parameter that two terms pull, three times as hard to the right as to the left; a third term has no gradient."""

    def __init__(self) -> None:
        super().__init__(MethodConfig())
        self.network = nn.Linear(1, 1, bias=False)
        self.frozen = nn.Linear(1, 1)

    def pull(self, batch: Batch) -> Losses:
        weight = self.network.weight.sum() * batch["low"].mean()
        return {"left": weight, "right": -3 * weight, "rest": self.frozen.weight.sum() * 0 + 2.0}

    def phases(self) -> Sequence[Phase]:
        return (Phase("fit", (Update("fit", self.pull, moves=(self.network,)),), streams={"train": Stream("low")}),)


def test_shares_are_those_of_the_norms():
    method = Pull()
    (phase,) = method.phases()
    batches = [{"train": {"low": torch.full((1, 3, 4, 4), value), "index": torch.tensor([0])}} for value in (0.2, 0.6)]
    probe = Probe(method, lambda _: None, (), Path())  # type: ignore[arg-type, return-value]
    assert probe.gradient_shares(phase.updates[0], batches) == pytest.approx({"left": 0.25, "right": 0.75, "rest": 0.0})
    assert method.network.weight.grad is None
    assert all(parameter.requires_grad for parameter in method.parameters())


def test_psnr_is_that_of_eight_bit_pictures():
    normal = torch.full((1, 3, 4, 4), 0.2)
    assert psnr(normal + 20.4 / 255, normal) == pytest.approx(20 * np.log10(255 / 20), abs=1e-3)
    assert psnr(torch.full((1, 3, 4, 4), 7.0), torch.ones(1, 3, 4, 4)) == pytest.approx(100)


@pytest.fixture
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_clip: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(backbone, "DEMO", tiny_clip)
    Path("params.yaml").write_text(PARAMS, encoding="utf-8")
    for name in "ab":
        normal = np.random.default_rng(ord(name)).integers(0, 256, (SIDE, SIDE + 1, 3), dtype=np.uint8)
        write_png(Path(f"pictures/normal/{name}.png"), normal)
        write_png(Path(f"pictures/low/{name}.png"), normal // 6)
    prepare("mine", load_params().data["mine"])


def trained(name: str, **settings: object) -> None:
    """Leaves a model folder as training does; the network is as it starts."""
    torch.manual_seed(0)
    method = registry.create(name, {**registry.config_class(name).tiny, "crop": 32, "batch_size": 2, **settings})
    if name == "clip_isp":
        method.guides.copy_(method.prompts.embedding.detach().expand_as(method.guides))  # type: ignore[union-attr, operator]
    folder = Path("build/models") / name
    save_model(method, name, folder)
    origin = {"config_hash": "c", "fingerprint": "f", "seed": 0}
    write_json(folder / "train.json", {"iterations": 1, "trained_on": "mine", "provenance": origin})
    write_text(folder / "losses.csv", LOG)


SETTINGS: dict[str, dict[str, object]] = {
    "clip_isp": {"rounds": 2, "prompt_batch_size": 2, "prompt_crop": 32},
    "distill": {"channels": 8, "teacher_channels": 8, "blocks": 6},
    "pie": {"min_size": 4},
    "sllen": {"segmentation": "masks"},
}


@pytest.mark.usefixtures("_project")
@pytest.mark.parametrize("name", registry.with_mechanism())
def test_every_method_that_declares_numbers_gives_them(name: str):
    if name == "distill":
        save_model(registry.create("net_t", {"channels": 8, "blocks": 6}), "net_t", Path("build/models/net_t"))
    if name == "sllen":
        prepare("masks", load_params().data["masks"])
    trained(name, **SETTINGS.get(name, {}))
    result = mechanism(name, load_params()).plain()
    found = Mechanism.read(Mechanism.path(Path("reports"), name))
    assert found.plain() == Mechanism.of(result).plain()
    assert (found.dataset, found.pictures) == ("mine", 2)
    assert any(one.acts is not None for one in found.measures), "a number without a bound cannot say whether a part acts"
    assert len({(one.key, one.place) for one in found.measures}) == len(found.measures)
    assert all(0 <= one.value <= 1 for one in found.measures if one.unit == "share")


@pytest.mark.usefixtures("_project")
def test_what_is_found_about_clip_isp():
    trained("clip_isp", **SETTINGS["clip_isp"], lambda_clip=0.0)
    without = {(one["key"], one.get("place", "")): one["value"] for one in mechanism("clip_isp", load_params()).plain()["measures"]}
    # In one of the two refinements of the log every hinge acted.
    assert without["clip_share", "enhance_2"] == 0
    assert without["hinges", ""] == 1
    names = ("input", *(f"I_en{number}" for number in range(4)), "I_en", "normal")
    ranks = [without["r", name] for name in names]
    assert without["order", ""] == pytest.approx(np.mean(np.diff(ranks) > 0), abs=1e-5)
    trained("clip_isp", **SETTINGS["clip_isp"], lambda_clip=5.0, lambda_text=0.0, lambda_look=0.0, lambda_lit=0.0, lambda_map=0.0)
    method = {(one["key"], one.get("place", "")): one["value"] for one in mechanism("clip_isp", load_params()).plain()["measures"]}
    assert method["clip_share", "enhance_2"] > 0.9


@pytest.mark.usefixtures("_project")
@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_what_is_found_about_sllen(scale: float):
    prepare("masks", load_params().data["masks"])
    trained("sllen", **SETTINGS["sllen"])
    folder = Path("build/models/sllen")
    method = load_model(folder)
    # The last layer starts at 0, and so does the factor of HSBAB: nothing can be seen of any block.
    nn.init.normal_(method.network.out.weight, std=0.02)  # type: ignore[union-attr, arg-type]
    nn.init.constant_(method.network.hsbab.scale, scale)  # type: ignore[union-attr, arg-type]
    save_model(method, "sllen", folder)
    found = {(one["key"], one.get("place", "")): one["value"] for one in mechanism("sllen", load_params()).plain()["measures"]}
    assert found["change", "fused feature"] > 0.1
    assert (found["change", "HSBAB"] > 0) == (scale > 0)
    assert found["encoder_share", "segment"] + found["encoder_share", "enhance"] == pytest.approx(1)
    assert 0 <= found["miou", ""] < 0.5, "nothing was learned"


@pytest.mark.usefixtures("_project")
def test_a_method_without_numbers_and_one_without_a_training_are_refused():
    with pytest.raises(ConfigError, match=r"gamma declares no numbers about its mechanism\. Those that do: clip_isp, .*pie"):
        mechanism("gamma", load_params())
    with pytest.raises(LleError, match="Train it first: lle train pie"):
        mechanism("pie", load_params())


def test_the_suite_measures_methods_that_declare_numbers(tmp_path: Path):
    path = tmp_path / "params.yaml"
    for wrong, message in {"[pie]": "not in suite.methods", "[gamma]": "declares no numbers"}.items():
        path.write_text(PARAMS.replace("prepare:", f"mechanisms: {wrong}, prepare:"), encoding="utf-8")
        with pytest.raises(ConfigError, match=message):
            load_params(path)


def _measures() -> Iterator[Measure]:
    yield Measure("share", "Share of it", 0.3, "share", "phase <1>", 0.2)
    yield Measure("count", "Rounds", 2, "", "", 3)
    yield Measure("psnr", "PSNR", 17.123, "dB", "round 1")


def test_the_section_shows_what_acts_and_what_does_not(tmp_path: Path):
    reports = make_reports(tmp_path / "reports")
    assert section(reports, read_results(reports)) is None
    measures = [{key: value for key, value in vars(one).items() if value not in (None, "")} for one in _measures()]
    content = {"method": "pie", "dataset": "mine", "pictures": 2, "preset": "recommended", "measures": measures, "schema": 1}
    write_json(Mechanism.path(reports, "pie"), content)
    shown = section(reports, read_results(reports))
    assert shown is not None
    assert "phase &lt;1&gt;" in shown.html
    for text in ("30.0%", "at least 20.0%", "17.12 dB", ">acts<", ">does not act<"):
        assert text in shown.html, text


def test_a_flat_picture_has_no_attention():
    from lle.methods.distill.mechanism import _correlation

    ramp: Tensor = torch.arange(12.0).reshape(1, 3, 4)
    assert _correlation(ramp, 2 * ramp + 1) == pytest.approx(1)
    assert _correlation(ramp, -ramp) == pytest.approx(-1)
    assert _correlation(ramp, torch.ones(1, 3, 4)) == 0
