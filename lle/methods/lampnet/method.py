"""LampNet: our own method for frames that lamps light in part."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Losses, Method, Phase, Stream, Update
from lle.losses.charbonnier import charbonnier
from lle.losses.gt_mean import gt_mean
from lle.losses.ssim import ssim_loss
from lle.methods.lampnet.config import Config
from lle.methods.lampnet.network import LampNet, brightness
from lle.nn.color import grey


class Lamp(Method):
    """A light estimate chooses local tone curves; a detail network removes the noise that they reveal.

    Attributes:
        strength: 0 leaves pictures as they are, 1 is as trained; from the settings, may be changed at any time.
        brightness: wanted mean luma of the result, None leaves the choice to the network; likewise.
    """

    scope = "global"
    network: LampNet
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = LampNet(config.width, config.knots, config.light_width)
        self.strength = config.strength
        self.brightness = config.brightness

    def estimate(self, view: Tensor) -> tuple[Tensor, Tensor]:
        """Describes whole pictures, B x light_width x 1 x 1, and finds the shift of their curves, B x 1 x 1 x 1; 0 without `brightness`."""
        if self.brightness is None:
            frame = self.network.frame(view)
            return frame, torch.zeros_like(frame[:, :1])
        # The network knows about how bright pictures shall become; the shift makes good what it misses.
        frame = self.network.frame(view, view.new_full((view.shape[0],), self.brightness))
        return frame, self.network.shift_to(view, frame, self.brightness)

    def enhance_with(self, low: Tensor, parameters: tuple[Tensor, Tensor]) -> Tensor:
        """Enhances parts of pictures with the description and the shift of the whole."""
        return self.network.steps(low, *parameters, strength=self.strength).enhanced

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.enhance_with(low, self.estimate(low))

    def phases(self) -> Sequence[Phase]:
        """One phase: small crops for the noise, in turns with larger ones that show the light of most of a frame."""
        updates = [Update("crops", self.loss, moves=(self,), stream="crops")]
        streams = {"crops": Stream("paired")}
        settings = self.config
        if settings.frames_batch_size:
            updates.append(Update("frames", self.loss, moves=(self,), stream="frames"))
            streams["frames"] = Stream("paired", settings.frames_batch_size, settings.frames_crop, data=settings.frames_data)
        return (Phase("fit", updates, streams=streams),)

    def compare(self, enhanced: Tensor, normal: Tensor) -> Losses:
        """Distance of values, of structure, and of chroma averaged over 4 x 4 pixels."""
        weights = self.config
        difference = F.avg_pool2d(enhanced - normal, 4)
        return {
            "charbonnier": weights.charbonnier_weight * charbonnier(enhanced, normal),
            "ssim": weights.ssim_weight * ssim_loss(enhanced, normal),
            "colour": weights.colour_weight * (difference - grey(difference)).abs().mean(),
        }

    def loss(self, batch: Batch) -> Losses:
        """Result and lifted picture are compared with the normal picture, whose brightness the network is told now and then."""
        low, normal = batch["low"], batch["normal"]
        wanted = brightness(normal)
        told = torch.rand(wanted.shape, device=wanted.device) < self.config.wanted_share
        wanted = torch.where(told, wanted, -torch.ones_like(wanted))
        steps = self.network.steps(low, self.network.frame(low, wanted))
        lifted = F.l1_loss(F.avg_pool2d(steps.lifted, 8), F.avg_pool2d(normal, 8))
        return {"lifted": self.config.lifted_weight * lifted, **gt_mean(self.compare, steps.enhanced, normal, self.config.gt_mean)}
