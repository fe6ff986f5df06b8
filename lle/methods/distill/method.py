"""Distillation: a student enhances, and imitates a frozen teacher's features (Net-T) or output (another enhancer)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lle import registry
from lle.engine.method import Batch, Frozen, Losses, Method, TrainingData, Update
from lle.errors import ConfigError
from lle.losses.feature_mse import frozen_features
from lle.losses.gradients import gradients
from lle.losses.gt_mean import gt_mean
from lle.losses.ssim import ssim_loss
from lle.methods.distill.config import Config
from lle.methods.distill.loss import attention_transfer, colour_angle, feature_distance, multi_scale_l1
from lle.methods.distill.network import NetS
from lle.methods.net_t.network import NetT
from lle.nn.block_autoencoder import BlockAutoencoder, attention_maps


class Distill(Method):
    """Student of a frozen teacher.

    Attributes:
        network: net_s, or the whole method that is the student.
        adapters: 1x1 convolutions from net_s's width to the teacher's, by block; used in training alone.
        teacher: built on first use; in no state dict.
    """

    stream = "paired"
    scope = "global"
    network: nn.Module
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.adapters = nn.ModuleDict()
        if config.student == "net_s":
            self.network = NetS(config.channels, config.blocks, config.hdc, config.dilated_blocks, config.exponent)
            if config.features_teacher and config.w_hint and config.channels != config.teacher_channels:
                for block in config.hint_blocks:
                    self.adapters[str(block)] = nn.Conv2d(config.channels, config.teacher_channels, 1)
        else:
            self.network = _student(config)
        self.teacher = Frozen(self._build_teacher)
        self.perceptual = frozen_features(config.perceptual)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W; the teacher has no part in it."""
        return self.network(low)

    def tags(self) -> dict[str, str]:
        """Names student, teacher and, where it is used, the network of the perceptual term."""
        config = self.config
        tags = {"student": config.student, "teacher": Path(config.teacher).name}
        return tags | ({"perceptual": config.perceptual} if config.w_perceptual else {})

    def updates(self) -> Sequence[Update]:
        """One update, of the student and its adapters."""
        # Of another method only the network learns; its own helpers belong to its own losses.
        student = getattr(self.network, "network", self.network)
        return (Update("fit", self.loss, moves=(student, self.adapters)),)

    def prepare(self, data: TrainingData) -> None:
        """Lets a student that is a method measure what it needs."""
        if isinstance(self.network, Method):
            self.network.prepare(data)

    def loss(self, batch: Batch) -> Losses:
        """Terms of a `paired` batch; those of weight 0 are neither computed nor named."""
        config = self.config
        low, normal = batch["low"], batch["normal"]
        terms: Losses = {}
        if isinstance(self.network, BlockAutoencoder):
            result, blocks = self.network.features(low)
            if config.features_teacher and (config.w_hint or config.w_attention):
                terms |= self._imitate_features(blocks, normal)
        else:
            result = self.network(low)
        if config.output_teacher and config.w_output:
            with torch.no_grad():
                target = self.teacher(low).clamp(0, 1)
            terms["output"] = config.w_output * F.l1_loss(result, target)
        terms |= gt_mean(self.compare, result, normal, config.gt_mean)
        if config.w_tv:
            horizontal, vertical = gradients(result)
            terms["tv"] = config.w_tv * (horizontal.abs().mean() + vertical.abs().mean())
        return terms

    def compare(self, result: Tensor, normal: Tensor) -> Losses:
        """Terms of a result and its reference; those of weight 0 are neither computed nor named."""
        config = self.config
        terms: Losses = {}
        if config.w_l1:
            terms["l1"] = config.w_l1 * multi_scale_l1(result, normal, config.scales)
        if config.w_ssim:
            terms["ssim"] = config.w_ssim * ssim_loss(result, normal)
        if config.w_perceptual:
            with torch.no_grad():
                wanted = self.perceptual(normal)
            terms["perceptual"] = config.w_perceptual * feature_distance(self.perceptual(result), wanted)
        if config.w_color:
            terms["color"] = config.w_color * colour_angle(result, normal)
        return terms

    def attention_maps(self, image: Tensor) -> list[Tensor]:
        """Attention maps of net_s by block, see `lle.nn.block_autoencoder.attention_maps`.

        Raises:
            ConfigError: the student is another method, which has no such blocks.
        """
        if not isinstance(self.network, BlockAutoencoder):
            raise ConfigError(f"attention maps by block exist for the student net_s, not for '{self.config.student}'.")
        return attention_maps(self.network, image)

    def teacher_maps(self, image: Tensor) -> list[Tensor]:
        """Attention maps of Net-T by block on a normal-light picture; none where the teacher is no Net-T."""
        if not self.config.features_teacher:
            return []
        teacher = self.teacher.on(image.device)
        assert isinstance(teacher, NetT)
        return attention_maps(teacher, image)

    def _imitate_features(self, blocks: list[Tensor], normal: Tensor) -> Losses:
        config = self.config
        teacher = self.teacher.on(normal.device)
        assert isinstance(teacher, NetT)
        with torch.no_grad():
            wanted = teacher.features(normal)[1]
        pairs = {block: (blocks[block - 1], wanted[block - 1]) for block in config.hint_blocks}
        terms: Losses = {}
        if config.w_hint:
            hints = [F.l1_loss(self._adapt(block, ours), theirs) for block, (ours, theirs) in pairs.items()]
            terms["hint"] = config.w_hint * torch.stack(hints).sum()
        if config.w_attention:
            maps = [attention_transfer(ours, theirs) for ours, theirs in pairs.values()]
            terms["attention"] = config.w_attention * torch.stack(maps).sum()
        return terms

    def _adapt(self, block: int, values: Tensor) -> Tensor:
        return self.adapters[str(block)](values) if self.adapters else values

    def _build_teacher(self) -> nn.Module:
        config = self.config
        # Building draws random numbers; the student's training must not depend on when that happens.
        with torch.random.fork_rng(devices=[]):
            if config.teacher == "random":
                torch.manual_seed(config.teacher_seed)
                return NetT(config.teacher_channels, max(config.hint_blocks))
            return _pretrained(config) if config.teacher == "pretrained" else _enhancer(config)


def _pretrained(config: Config) -> NetT:
    from lle.engine.model_io import load_model

    network = getattr(load_model(Path(config.teacher_path)), "network", None)
    if not isinstance(network, NetT):
        raise ConfigError(
            f"methods.distill.teacher_path: {config.teacher_path} holds no Net-T. To imitate the output of an enhancer, "
            f"set methods.distill.teacher={config.teacher_path} instead."
        )
    channels = network.decoder[0].out_channels
    deepest = max(config.hint_blocks)
    if channels != config.teacher_channels or len(network.blocks) < deepest:
        raise ConfigError(
            f"the Net-T in {config.teacher_path} has {channels} channels and {len(network.blocks)} blocks, but "
            f"methods.distill.teacher_channels is {config.teacher_channels} and hint_blocks names block {deepest}. "
            "Change these, or train net_t again with other settings."
        )
    return network


def _enhancer(config: Config) -> Method:
    from lle.engine.model_io import load_model

    teacher = load_model(Path(config.teacher))
    if isinstance(getattr(teacher, "network", None), NetT):
        raise ConfigError(
            f"methods.distill.teacher: {config.teacher} holds a Net-T, which reconstructs pictures as dark as they are: its output "
            f"is nothing to imitate. Set methods.distill.teacher=pretrained and methods.distill.teacher_path={config.teacher}."
        )
    return teacher


def _student(config: Config) -> Method:
    name = config.student
    if name == "distill":
        raise ConfigError("methods.distill.student: distill cannot be its own student; name another method, or net_s.")
    card = registry.card(name)
    if not card.enhances:
        raise ConfigError(f"methods.distill.student: '{name}' is a helper that enhances nothing, so it has no output to teach.")
    if card.supervision == "classical":
        raise ConfigError(f"methods.distill.student: '{name}' is a classical method: it has no weights that could learn to imitate.")
    student = registry.create(name, config.student_settings)
    if not any(p.requires_grad for p in student.parameters()):
        raise ConfigError(f"methods.distill.student: '{name}' has no trainable weights, so it cannot learn to imitate.")
    return student
