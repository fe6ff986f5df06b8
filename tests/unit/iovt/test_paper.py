"""CLIP-ISP's simulation made again: the fit, its readings and what it hangs on; times from profiles."""

from __future__ import annotations

import dataclasses

import pytest

from lle.config.iovt import ComputerConfig, IovtConfig, PaperConfig
from lle.errors import ConfigError, LleError
from lle.iovt import paper
from lle.iovt.plan import Work, seconds_of
from lle.iovt.stations import wire_bits
from lle.report.claims_file import read_claims
from lle.results.cost import Profile
from tests.conftest import ROOT


def profile(method: str = "clip_isp", **latency: float | None) -> Profile:
    sizes = latency or {"256x256": 100.0, "400x600": 600.0}
    timings = {size.strip("_"): None if ms is None else {"median": ms} for size, ms in sizes.items()}
    return Profile.of({"method": method, "latency_ms": timings})


@pytest.mark.parametrize(("edge_rate", "delay"), [(1e9, 0.02), (1e8, 0.0), (1e9, 0.2)])
def test_the_fit_comes_to_the_printed_figures(edge_rate: float, delay: float):
    network = paper.fit(edge_rate, delay)
    assert network.delays() == pytest.approx((9.7e-3, 248.4e-3), rel=1e-6)
    assert network.rates() == pytest.approx((15.16, 3.63), rel=1e-6)
    assert network.cloud_delay == delay


def test_the_figures_are_those_of_the_claims():
    (claims,) = (one for one in read_claims(ROOT / "reports" / "claims.yaml").papers if one.id == "clip_isp")
    (table,) = (table for table in claims.tables if table.table == "Table V")
    values = {row.name: [float(value) for value in row.values] for row in table.rows}
    assert values["edge"] == pytest.approx([paper.EDGE_FPS, 1000 * paper.EDGE_DELAY])
    assert values["cloud"] == pytest.approx([paper.CLOUD_FPS, 1000 * paper.CLOUD_DELAY])


@pytest.mark.parametrize("payload", [1, 1460, 1461, 28_752, 1_000_003])
def test_bytes_of_a_picture_are_found_from_its_bits(payload: int):
    assert paper.picture_bytes(wire_bits(payload)) == pytest.approx(payload)


def test_a_full_packet_takes_1538_bytes_of_the_wire():
    assert wire_bits(1460) == 8 * 1538
    assert wire_bits(1461) - wire_bits(1460) == 8 * 79


def test_one_reading_only_has_a_faster_cloud():
    assert [one.cloud_speed > 1 for one in paper.readings()] == [True, False, False]


def test_turning_points_turn():
    network = paper.fit(1e9, 0.02)
    found = {one.parameter: one for one in paper.sensitivities(network)}
    for name, (attribute, unit) in paper.PARAMETERS.items():
        if attribute == "pictures" or found[name].turns is None:
            continue
        edge, cloud = dataclasses.replace(network, **{attribute: found[name].turns / unit}).rates()
        assert edge == pytest.approx(cloud, rel=1e-2), name
    lead = [edge - cloud for number in (1, 2) for edge, cloud in [dataclasses.replace(network, pictures=number).rates()]]
    assert lead[0] < 0 < lead[1]
    assert found["pictures sent at once"].turns == pytest.approx(1.5, abs=0.5)


def test_methods_are_placed_by_their_profiles():
    profiles = {"clip_isp": profile(), "half": profile("half", _400x600=300.0)}
    run = paper.paper_run(IovtConfig(), profiles, 0)
    own, half = run.placed
    assert (own.edge_fps, own.cloud_fps) == pytest.approx((15.16, 3.63), rel=1e-3)
    assert half.edge_ms == pytest.approx(own.edge_ms / 2, rel=1e-3)
    assert run.fitted.edge_speed == pytest.approx(600 / own.edge_ms, rel=1e-3)
    for timing in run.timings.values():
        assert timing.low < timing.claimed < timing.high
    with pytest.raises(ConfigError, match=r"iovt\.paper\.method: 'unet' is not profiled"):
        paper.paper_run(IovtConfig(paper=PaperConfig(method="unet")), profiles, 0)


def test_times_between_and_beyond_profiled_sizes():
    one = profile(_256x256=100.0, _512x512=500.0)
    assert seconds_of(one, (256, 256)) == pytest.approx(0.1)
    assert seconds_of(one, (512, 512)) == pytest.approx(0.5)
    assert seconds_of(one, (256, 512)) == pytest.approx((0.1 * 0.5) ** 0.5)
    assert seconds_of(one, (1024, 1024)) == pytest.approx(2.0)
    assert seconds_of(one, (128, 128)) == pytest.approx(0.025)
    with pytest.raises(LleError, match="lle profile clip_isp"):
        seconds_of(profile(_256x256=None), (10, 10))
    assert Work(1.0, 0.5).mean == pytest.approx(1.25**0.5)


def test_only_the_computers_of_the_paper_can_be_fitted():
    with pytest.raises(ValueError, match=r"computers\.mine\.speed"):
        IovtConfig(computers={"edge": ComputerConfig(), "cloud": ComputerConfig(), "mine": ComputerConfig()})
