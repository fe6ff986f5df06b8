"""Which metrics exist, what they are called in tables, and what they need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from lle.errors import ConfigError, did_you_mean
from lle.metrics import pretrained, protocol
from lle.metrics.ceiq import ceiq
from lle.metrics.descriptors import brightness, contrast, entropy
from lle.metrics.loe import loe, loe_100
from lle.metrics.piqe import piqe
from lle.metrics.protocol import Image
from lle.metrics.psnr import psnr
from lle.metrics.ssim import ssim, ssim_skimage
from lle.metrics.vif import vif


@dataclass
class Sample:
    """One picture to be judged; what several metrics share is computed once.

    Attributes:
        output: the enhanced picture, rounded to 8 bits.
        low: the picture it was made from.
        reference: the normal-light picture, None in an unpaired set.
    """

    output: Image
    low: Image
    reference: Image | None

    @property
    def target(self) -> Image:
        """The reference; only metrics that need one ask for it."""
        if self.reference is None:
            raise ValueError("this picture has no reference")
        return self.reference

    @cached_property
    def corrected(self) -> Image:
        """The output with the reference's mean brightness."""
        return protocol.gt_mean(self.output, self.target)


@dataclass(frozen=True)
class Metric:
    """One column of the tables.

    Attributes:
        name: key in files and settings.
        label: heading in tables.
        direction: which values are better; `none` for a description that is no judgement.
        needs_reference: has no value on an unpaired set.
        unit: of the value, empty for a plain number.
        definition: what is measured, in one line.
        source: paper or code the definition comes from.
        measure: computes the value of one picture.
        missing: returns why the metric cannot be measured on this machine, or None.
    """

    name: str
    label: str
    direction: Literal["higher", "lower", "none"]
    needs_reference: bool
    unit: str
    definition: str
    source: str
    measure: Callable[[Sample], float]
    missing: Callable[[], str | None] = lambda: None


_ALL = (
    Metric(
        "psnr", "PSNR", "higher", True, "dB", "10 log10(255²/MSE) over all pixels and RGB together, at most 100 dB",
        "definition", lambda s: psnr(s.output, s.target),
    ),
    Metric(
        "ssim", "SSIM", "higher", True, "", "Gaussian window 11x11, sigma 1.5, mean over RGB and whole windows",
        "Wang et al., IEEE TIP 2004", lambda s: ssim(s.output, s.target),
    ),
    Metric(
        "ssim_y", "SSIM (Y)", "higher", True, "", "SSIM of the rounded grey pictures 0.299 R + 0.587 G + 0.114 B",
        "Wang et al., IEEE TIP 2004", lambda s: ssim(protocol.luma(s.output), protocol.luma(s.target)),
    ),
    Metric(
        "ssim_skimage", "SSIM (7x7)", "higher", True, "", "uniform window 7x7, unbiased covariance, mean over RGB",
        "skimage.metrics.structural_similarity, defaults", lambda s: ssim_skimage(s.output, s.target),
    ),
    Metric(
        "psnr_gt_mean", "PSNR, GT mean", "higher", True, "dB", "PSNR after the output got the reference's mean brightness",
        "Retinexformer's test script; its authors warn against it", lambda s: psnr(s.corrected, s.target),
    ),
    Metric(
        "ssim_gt_mean", "SSIM, GT mean", "higher", True, "", "SSIM after the output got the reference's mean brightness",
        "Retinexformer's test script; its authors warn against it", lambda s: ssim(s.corrected, s.target),
    ),
    Metric(
        "vif", "VIF", "higher", True, "", "visual information fidelity, wavelet domain, grey; above 1 where contrast was gained",
        "Sheikh and Bovik, IEEE TIP 2006, as pyiqa's vif", lambda s: vif(s.output, s.target),
    ),
    Metric(
        "loe", "LOE", "lower", False, "", "lightness order error against the input, short side 50, MATLAB bicubic",
        "Wang et al., IEEE TIP 2013; loe.m", lambda s: loe(s.output, s.low),
    ),
    Metric(
        "loe_100", "LOE (100x100)", "lower", False, "", "lightness order error against the input on a grid of 100x100 pixels",
        "baidut/BIMEF, loe100x100.m", lambda s: loe_100(s.output, s.low),
    ),
    Metric(
        "ceiq", "CEIQ", "higher", False, "", "contrast quality, about 1 to 5: the picture against its own equalised version",
        "Yan, Li, Fu 2019; mtobeiyf/CEIQ c92b6a1", lambda s: ceiq(s.output),
    ),
    Metric(
        "piqe", "PIQE", "lower", False, "", "share and strength of blocks with artefacts or noise, 0 to 100",
        "Venkatanath et al., NCC 2015, as pyiqa's piqe", lambda s: piqe(s.output),
    ),
    Metric(
        "niqe", "NIQE", "lower", False, "", "distance of local statistics from those of pristine photographs",
        "Mittal et al., IEEE SPL 2013, as pyiqa's niqe", lambda s: pretrained.score("niqe", s.output), lambda: pretrained.missing("niqe"),
    ),
    Metric(
        "brisque", "BRISQUE", "lower", False, "", "support vector regression on local statistics",
        "Mittal et al., IEEE TIP 2012, as pyiqa's brisque", lambda s: pretrained.score("brisque", s.output),
        lambda: pretrained.missing("brisque"),
    ),
    Metric(
        "musiq", "MUSIQ", "higher", False, "", "multi-scale transformer trained on KonIQ-10k, about 0 to 100",
        "Ke et al., ICCV 2021, as pyiqa's musiq", lambda s: pretrained.score("musiq", s.output), lambda: pretrained.missing("musiq"),
    ),
    Metric(
        "entropy", "Entropy", "none", False, "bit", "Shannon entropy of the grey values' histogram",
        "definition", lambda s: entropy(s.output),
    ),
    Metric(
        "brightness", "Mean brightness", "none", False, "", "mean grey value, 0 to 255",
        "definition", lambda s: brightness(s.output),
    ),
    Metric(
        "contrast", "Contrast", "none", False, "", "standard deviation of the grey values",
        "definition", lambda s: contrast(s.output),
    ),
)  # fmt: skip

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
"""All metrics by name, in the order of the tables."""


def select(names: Iterable[str] | None = None) -> Sequence[Metric]:
    """Returns the metrics of these names in the order of the tables; None gives all.

    Raises:
        ConfigError: a name is unknown; the message names the nearest one.
    """
    if names is None:
        return _ALL
    wanted = list(names)
    for name in wanted:
        if name not in METRICS:
            raise ConfigError(f"there is no metric '{name}'.{did_you_mean(name, METRICS)} Known: {', '.join(METRICS)}.")
    return tuple(metric for metric in _ALL if metric.name in wanted)
