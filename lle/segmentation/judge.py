"""The judge of segmentation in the dark: a DeepLabV3+ that has seen normal light only.

It is trained by the engine like a method, on the stream `segmentation` of its data set, whose pictures are clean; what it is asked
about later, darkened and enhanced pictures, it never learns from.
"""

from __future__ import annotations

import functools
import math
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lle.config.judge import JudgeConfig
from lle.config.schema import BaseParams
from lle.data.cache import Cache
from lle.data.images import read_mask, read_rgb
from lle.data.pairs import Prepared, Row, open_prepared
from lle.data.streams import rows_with
from lle.engine.fingerprint import fingerprint
from lle.engine.method import Batch, Losses, Method, Phase, Stream, Update
from lle.engine.training_log import Fitted, write_losses
from lle.errors import DataError, LleError, WeightsError, did_you_mean
from lle.files import atomic_path, digest, read_json, sha256, significant, write_json
from lle.losses.perceptual import efficientnet_lite0, read_weights
from lle.metrics import segmentation
from lle.metrics.bootstrap import Interval
from lle.metrics.protocol import Image
from lle.provenance import provenance
from lle.results.segmentation import Judge as JudgeResult

JUDGES = Path("build/judges")
PACKAGED = "tf_efficientnet_lite0"
CURVE_POINTS = 100


class Judge(Method):
    """DeepLabV3+ (Chen et al., ECCV 2018) of segmentation_models_pytorch, output stride 16.

    Args:
        config: its settings.
        classes: number of classes.
        pretrained: start the packaged encoder from its ImageNet weights; False leaves it random, for weights that are loaded next.

    Raises:
        WeightsError: the packaged weights are not installed.
        LleError: there is no such encoder.
    """

    stream = "segmentation"
    scope = "global"
    config: JudgeConfig
    balance: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, config: JudgeConfig, classes: int, pretrained: bool = True) -> None:
        super().__init__(config)
        self.network = _network(config, classes)
        if pretrained and config.encoder == PACKAGED:
            ours = self.network.encoder.model
            theirs = efficientnet_lite0().state_dict()
            ours.load_state_dict({key: theirs[key] for key in ours.state_dict()})
        self.register_buffer("balance", torch.ones(classes))
        self.register_buffer("mean", torch.tensor(config.mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config.std).view(1, -1, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Segments a batch.

        Args:
            image: B x 3 x H x W, RGB in [0, 1].

        Returns:
            Logits, B x classes x H x W.
        """
        height, width = image.shape[-2:]
        if self.config.scale < 1:
            small = [max(16, round(side * self.config.scale)) for side in (height, width)]
            image = F.interpolate(image, small, mode="bilinear", align_corners=False, antialias=True)
        x = (image - self.mean) / self.std
        bottom, right = (-side % 16 for side in x.shape[-2:])
        logits = self.network(F.pad(x, (0, right, 0, bottom), mode="replicate"))[..., : x.shape[-2], : x.shape[-1]]
        return logits if self.config.scale == 1 else F.interpolate(logits, (height, width), mode="bilinear", align_corners=False)

    @torch.inference_mode()
    def segment(self, picture: Image) -> np.ndarray:
        """Returns the class of every pixel of a picture, H x W x 3 uint8, as H x W uint8."""
        self.eval()
        image = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
        return self(image.to(self.mean.device))[0].argmax(0).to("cpu", torch.uint8).numpy()

    def loss(self, batch: Batch) -> Losses:
        """Pixel-wise cross entropy; pixels of no class are left out."""
        return {"cross_entropy": F.cross_entropy(self(batch["image"]), batch["mask"], self.balance, ignore_index=segmentation.IGNORE)}

    def phases(self) -> Sequence[Phase]:
        """One phase, on clean pictures."""
        view = functools.partial(zoomed, zoom=self.config.zoom, mirror=self.config.augment == "mirror")
        stream = Stream("segmentation", augment=self.config.augment == "turn", transform=view)
        return (Phase("fit", (Update("fit", self.loss, moves=(self.network,), optimizer=self._optimizer),), streams={"train": stream}),)

    def _optimizer(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        config, encoder = self.config, {id(parameter) for parameter in self.network.encoder.parameters()}
        groups = [
            {"params": [p for p in parameters if id(p) in encoder], "lr": config.lr * config.encoder_lr_factor},
            {"params": [p for p in parameters if id(p) not in encoder], "lr": config.lr},
        ]
        if config.optimizer == "sgd":
            return torch.optim.SGD(groups, config.lr, momentum=config.betas[0], weight_decay=config.weight_decay)
        kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
        return kind(groups, config.lr, betas=config.betas, weight_decay=config.weight_decay)


def zoomed(sample: dict[str, Tensor], rng: np.random.Generator, zoom: tuple[float, float], mirror: bool) -> dict[str, Tensor]:
    """Magnifies a random window of a sample to its full size, and mirrors every second one."""
    image, mask = sample["image"], sample["mask"]
    side = image.shape[-1]
    window = max(1, round(side / rng.uniform(*zoom)))
    top, left = (int(rng.integers(side - window + 1)) for _ in range(2))
    image, mask = image[:, top : top + window, left : left + window], mask[top : top + window, left : left + window]
    if window < side:
        image = F.interpolate(image[None], (side, side), mode="bilinear", align_corners=False)[0]
        mask = F.interpolate(mask[None, None].float(), (side, side), mode="nearest-exact")[0, 0].long()
    if mirror and rng.integers(2):
        image, mask = image.flip(-1), mask.flip(-1)
    return {**sample, "image": image.contiguous(), "mask": mask.contiguous()}


def _network(config: JudgeConfig, classes: int) -> Any:
    import segmentation_models_pytorch as smp

    # timm's own encoders are known there under the prefix `tu-`.
    name = f"tu-{config.encoder}" if config.encoder == PACKAGED else config.encoder
    try:
        return smp.DeepLabV3Plus(
            name,
            encoder_weights=None,
            encoder_output_stride=16,
            decoder_channels=config.width,
            decoder_atrous_rates=config.rates,
            classes=classes,
        )
    except KeyError as error:
        known = smp.encoders.get_encoder_names()
        raise LleError(f"segmentation_models_pytorch has no encoder '{config.encoder}'.{did_you_mean(config.encoder, known)}") from error


def judge_settings(params: BaseParams, name: str) -> JudgeConfig:
    """Returns the section `judges.<name>`.

    Raises:
        LleError: there is none.
    """
    if name not in params.judges:
        raise LleError(
            f"`judges` in params.yaml has no section '{name}'.{did_you_mean(name, params.judges)} Add one to judge this data set."
        )
    return params.judges[name]


def class_names(prepared: Prepared) -> tuple[list[str], list[int]]:
    """Returns the names of a data set's classes, and the indices of those that published tables list.

    Raises:
        DataError: it is no segmentation set.
    """
    meaning = prepared.facts.get("segmentation")
    if meaning is None:
        raise DataError(f"the data set '{prepared.name}' has no masks. Choose a segmentation set: demo_seg, camvid, voc.")
    names = [str(entry["name"]) for entry in meaning["classes"]]
    return names, [index for index, name in enumerate(names) if name not in meaning["unlisted"]]


def masked(prepared: Prepared, split: str) -> list[tuple[Row, Path, Path]]:
    """Returns the rows of a split that have a picture with a mask, and both files.

    Raises:
        DataError: there is none.
    """
    rows = [(row, row.normal, row.mask) for row in prepared.rows(split)]
    found = [(row, picture, mask) for row, picture, mask in rows if picture is not None and mask is not None]
    if not found:
        raise DataError(f"the split '{split}' of data set '{prepared.name}' has no picture with a mask.")
    return found


def truth(prepared: Prepared, mask: Path) -> np.ndarray:
    """Reads a mask as class indices, H x W uint8, 255 for what belongs to no class."""
    meaning = prepared.facts["segmentation"]
    remap = None if meaning["remap"] is None else {int(key): value for key, value in meaning["remap"].items()}
    return read_mask(mask, meaning["ignore"], remap)


def summary(counts: np.ndarray, names: Sequence[str], listed: Sequence[int], **options: Any) -> dict[str, Any]:
    """Returns IoU by class and both means with intervals, as plain data.

    Args:
        counts: pictures x classes x 3, see `lle.metrics.segmentation.counts`.
        names: of the classes.
        listed: indices of the classes that published tables list.
        options: `seed`, `resamples` and `level` of the intervals.
    """
    pooled = counts.sum(0)
    values = segmentation.iou(pooled)
    means = {key: segmentation.bootstrap_mean_iou(counts, wanted, **options) for key, wanted in (("all", None), ("listed", listed))}
    return {
        "images": len(counts),
        "classes": list(names),
        "iou": {name: None if math.isnan(value) else significant(value) for name, value in zip(names, values, strict=True)},
        "absent": [name for name, value in zip(names, values, strict=True) if math.isnan(value)],
        "unlisted": [name for index, name in enumerate(names) if index not in listed],
        "mean_iou": {key: _interval(interval) for key, interval in means.items()},
        "pixel_accuracy": significant(pooled[:, 0].sum() / pooled[:, [0, 2]].sum()),
    }


def _interval(interval: Interval) -> dict[str, float]:
    return {"mean": significant(interval.mean), "low": significant(interval.low), "high": significant(interval.high)}


def train_judge(
    name: str,
    params: BaseParams,
    judges: Path = JUDGES,
    reports: Path = Path("reports"),
    data: Path = Path("build/data"),
    cache: Path = Path("build/cache"),
    scratch: Path = Path("build/scratch"),
) -> dict[str, Any]:
    """Trains the judge of a data set, or takes the weights its settings name, and measures it on the clean validation split.

    Args:
        name: the data set, which has a section under `judges`.
        params: all settings.
        judges: receives `<name>/` with `model.safetensors`, `judge.json`, and of a training `train.json` and `losses.csv`.
        reports: receives `judges/<name>.json`.
        data: prepared data sets.
        cache: decoded pictures.
        scratch: resume checkpoints.

    Returns:
        What was written as JSON into `reports`.

    Raises:
        LleError: there are no such settings, no such data, or no such weights; the message says what to do.
    """
    settings = judge_settings(params, name)
    if settings.weights is None and settings.encoder != PACKAGED:
        raise WeightsError(
            f"the judge of '{name}' has an encoder that is not trained here ({settings.encoder}): set judges.{name}.weights to a file with "
            f"the state dict of segmentation_models_pytorch's DeepLabV3Plus, or judges.{name}.encoder to {PACKAGED} to train one."
        )
    prepared = open_prepared(name, data)
    names, listed = class_names(prepared)
    trained = settings.weights is None
    config_hash = digest({"judge": settings.model_dump(mode="json"), "train": params.train.model_dump(mode="json"), "seed": params.seed})
    code = fingerprint(["lle.segmentation.judge", "lle.engine.train"])
    # Before the training, so that it names the code that ran.
    origin = provenance(
        config_hash=config_hash, fingerprint=code, seed=params.seed, data_digest=prepared.digest, command=params.command("judge", name)
    )
    torch.manual_seed(params.seed)
    judge = Judge(settings, len(names), pretrained=trained)
    fitted = Fitted()
    key = digest([name, config_hash, code, prepared.digest])[:16]
    if trained:
        fitted = _fit(judge, params, Cache(prepared, "train", cache), scratch / f"judge-{name}-{key}")
    else:
        assert settings.weights is not None
        load_brought(judge, settings.weights)
    pictures = [
        segmentation.counts(truth(prepared, mask), judge.segment(read_rgb(picture)), len(names))
        for _, picture, mask in masked(prepared, "val")
    ]
    options = {"seed": params.seed, "resamples": params.evaluate.resamples, "level": params.evaluate.confidence}
    record = {
        "schema": JudgeResult.SCHEMA,
        "judge": name,
        "dataset": name,
        "split": "val",
        "settings": settings.model_dump(mode="json"),
        "iterations": fitted.iterations,
        "pictures_seen": fitted.images,
        **summary(np.stack(pictures), names, listed, **options),
        "loss": [(row[0], significant(row[4])) for row in _thinned(fitted.rows)],
        "provenance": origin,
    }
    _store(judge, judges / name, {"dataset": name, "classes": names, "settings": settings.model_dump(mode="json")}, fitted)
    JudgeResult.of(record).write(JudgeResult.path(reports, name))
    shutil.rmtree(scratch / f"judge-{name}-{key}", ignore_errors=True)
    return record


def _fit(judge: Judge, params: BaseParams, pictures: Cache, scratch: Path) -> Fitted:
    from lle.engine.fit import fit

    def balance() -> None:
        judge.balance.copy_(class_weights(pictures, len(judge.balance), judge.config.balance))

    return fit(judge, params.train, params.seed, lambda _: pictures, [], scratch, after=balance)


def class_weights(pictures: Cache, classes: int, power: float) -> Tensor:
    """Returns (median share of pixels / share of pixels) ** power for each class; 1 for one that does not occur.

    With power 1 this is the median frequency balancing of Eigen and Fergus, ICCV 2015, with shares over all pictures.
    """
    number = np.zeros(256, np.int64)
    for row in rows_with(pictures, "normal", "mask"):
        number += np.bincount(pictures.mask(row).ravel(), minlength=256)
    share = number[:classes] / number[:classes].sum()
    weights = np.where(share > 0, np.median(share[share > 0]) / np.maximum(share, 1e-12), 1.0) ** power
    return torch.from_numpy(weights).float()


def _thinned(rows: Sequence[tuple[int, str, str, str, float]]) -> Iterator[tuple[int, str, str, str, float]]:
    step = -(-len(rows) // CURVE_POINTS) or 1
    yield from rows[::-1][::step][::-1]


def _store(judge: Judge, out: Path, description: dict[str, Any], fitted: Fitted) -> None:
    """Writes the judge's folder under another name first, so that a reader never sees half of it."""
    from safetensors.torch import save_file

    folder = out.with_name(f".{out.name}-new")
    shutil.rmtree(folder, ignore_errors=True)
    with atomic_path(folder / "model.safetensors") as temporary:
        save_file({key: value.detach().to("cpu", copy=True).contiguous() for key, value in judge.state_dict().items()}, temporary)
    if fitted.rows:
        write_losses(folder / "losses.csv", fitted.rows)
    write_json(folder / "train.json", {"seconds": round(fitted.seconds, 1), "data_wait_share": round(fitted.data_wait_share, 4)})
    write_json(folder / "judge.json", description)
    shutil.rmtree(out, ignore_errors=True)
    folder.rename(out)


def load_judge(name: str, judges: Path = JUDGES) -> tuple[Judge, dict[str, Any]]:
    """Returns a trained judge, and what identifies it.

    Raises:
        WeightsError: it was not trained, or its files do not fit.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = judges / name
    if not (folder / "judge.json").is_file():
        raise WeightsError(f"there is no judge in {folder}. Train it first: lle judge {name}.")
    description = read_json(folder / "judge.json")
    judge = Judge(JudgeConfig(**description["settings"]), len(description["classes"]), pretrained=False)
    try:
        judge.load_state_dict(load_file(folder / "model.safetensors"))
    except (RuntimeError, OSError, SafetensorError) as error:
        raise WeightsError(f"{folder} does not hold the judge it describes ({error}). Train it again: lle judge {name}.") from error
    identity = {"encoder": judge.config.encoder, "sha256": sha256(folder / "model.safetensors"), "classes": description["classes"]}
    return judge.eval(), identity


def load_brought(judge: Judge, path: Path) -> None:
    """Fills a judge with weights of somebody else.

    Raises:
        WeightsError: the file is missing, or of another network.
    """
    advice = "It must be the state dict of segmentation_models_pytorch's DeepLabV3Plus with judges.*.encoder and the set's classes."
    try:
        judge.network.load_state_dict(read_weights(path, advice))
    except RuntimeError as error:
        raise WeightsError(f"{path} does not fit: {error}. {advice}") from error
