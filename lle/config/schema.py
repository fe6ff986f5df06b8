"""The whole of `params.yaml` as one strict model."""

from __future__ import annotations

import functools
import shlex
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, PrivateAttr, create_model, model_validator

from lle import registry
from lle.config.base import MethodConfig, Strict
from lle.config.clip import ClipConfig
from lle.config.data import DataConfig, catalog_names
from lle.config.iovt import IovtConfig
from lle.config.judge import JudgeConfig, SegmentConfig
from lle.config.study import StudyConfig
from lle.config.zoo import ZooConfig
from lle.errors import did_you_mean


class SuiteConfig(Strict):
    """What `dvc repro` trains and measures."""

    methods: list[str]
    """Methods that are trained, evaluated and profiled, by id."""
    datasets: list[str]
    """Data sets on which every method is evaluated."""
    guided: tuple[str, ...] = ()
    """Methods of the suite that CLIP guides; what their prompts learned is shown in the report."""
    prepare: list[str]
    """Data sets that are made or fetched: `datasets`, `train.data` and what methods name themselves."""
    segment: list[str] = Field(default_factory=list)
    """Segmentation sets whose darkened test pictures every method enhances for their judge."""
    attention: list[str] = Field(default_factory=list)
    """Methods of the suite whose attention maps by block, and their teacher's, are drawn: distill has such blocks."""
    mechanisms: list[str] = Field(default_factory=list)
    """Methods of the suite whose numbers about their own mechanism are measured, as far as they declare any."""


class CompositeConfig(Strict):
    """The composite index of the distillation paper, as defined in `lle.metrics.composite`."""

    method: str = "distill"
    """Method whose index is set against the others'."""
    others: list[str] = Field(["clahe", "lime"], min_length=1)
    """Methods beside it."""
    datasets: list[str] = Field(default_factory=list)
    """Data sets, with or without references; one whose pictures are not on disk is left out, and the result says so."""


_UNUSED = ("_find_unused_parameters_false", "_find_unused_parameters_true")
_DDP = tuple(f"ddp{way}{unused}" for way in ("", "_spawn", "_fork", "_notebook") for unused in ("", *_UNUSED))
STRATEGIES = (
    *("auto", "single_device", "single_xla", "single_tpu", "xla", "xla_debug", *_DDP, "fsdp", "fsdp_cpu_offload", "deepspeed"),
    *(f"deepspeed_stage_{stage}" for stage in ("1", "2", "2_offload", "3", "3_offload", "3_offload_nvme")),
)
"""Lightning's strategies; listed here, because importing Lightning takes seconds."""


def _strategy(name: str) -> str:
    if name not in STRATEGIES:
        raise ValueError(f"there is no such strategy.{did_you_mean(name, STRATEGIES)} Known: {', '.join(STRATEGIES[:7])}, fsdp, deepspeed")
    return name


class TrainConfig(Strict):
    """How every method is trained, whatever it is."""

    data: str
    """Data set whose training split is learned from."""
    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps", "tpu"] = "auto"
    """Lightning's accelerator: auto, cpu, gpu, ..."""
    devices: int = Field(1, ge=1)
    """Processes (GPUs, or CPU processes) on each machine; each takes an equal share of a batch."""
    num_nodes: int = Field(1, ge=1)
    """Machines."""
    strategy: Annotated[str, AfterValidator(_strategy)] = "auto"
    """Lightning's strategy; `ddp` for several devices."""
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    """Arithmetic of training; bf16-mixed halves the memory on hardware that has it."""
    threads: int | None = Field(None, ge=1)
    """CPU threads of the arithmetic; null takes all cores."""
    workers: int = Field(0, ge=0)
    """Processes that prepare batches; 0 does it in the training process, which is fastest on two cores."""
    log_every: int = Field(10, ge=1)
    """Iterations over which logged losses are averaged."""
    checkpoint_every: int = Field(100, ge=1)
    """Iterations after which an interrupted run would resume."""
    validate_every: int = Field(100, ge=1)
    """Iterations between two measurements of PSNR on the validation split."""
    validate_images: int = Field(8, ge=0)
    """Validation pictures used for that; 0 measures nothing."""


class EvaluateConfig(Strict):
    """How every method is measured."""

    samples: int = Field(3, ge=0)
    """Test pictures a data set kept for the report's before/after slider."""
    lit: int = Field(15, ge=1)
    """Lit pictures a data set, references of its validation split, that a method should leave alone."""
    resamples: int = Field(2000, ge=100)
    """Bootstrap resamples behind every interval."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Coverage of the intervals."""


class ProfileConfig(Strict):
    """How cost is measured."""

    sizes: list[tuple[int, int]]
    """Height and width of the pictures, in pixels."""
    threads: int = Field(2, ge=1)
    """CPU threads."""
    seconds: float = Field(5.0, gt=0)
    """Longest time spent on timing one size."""


class BaseParams(Strict):
    """Everything but the sections of the methods, whose models are found when the file is read."""

    seed: int = Field(0, ge=0, lt=2**31)
    """Seed of everything random."""
    suite: SuiteConfig
    train: TrainConfig
    evaluate: EvaluateConfig = EvaluateConfig()
    profile: ProfileConfig
    segment: SegmentConfig = SegmentConfig()
    """Segmentation in the dark."""
    composite: CompositeConfig = CompositeConfig()
    clip: ClipConfig = ClipConfig()
    """The CLIP model of the methods that are guided by language."""
    judges: dict[str, JudgeConfig] = Field(default_factory=dict)
    """Segmentation networks that judge enhanced pictures, by the data set whose pictures they segment."""
    data: dict[str, DataConfig]
    iovt: IovtConfig = IovtConfig()
    studies: dict[str, StudyConfig] = Field(default_factory=dict)
    """Ablations and long comparisons, which `dvc repro` leaves out: `lle study NAME`."""
    zoo: dict[str, ZooConfig] = Field(default_factory=dict)
    """Trained weights that come with the package, by name: `lle zoo train NAME`, then `lle zoo pack NAME`."""
    _options: tuple[str, ...] = PrivateAttr(())

    def command(self, *words: str) -> str:
        """Returns the command line of `lle` that runs with these settings: `words` with the options that were given."""
        return shlex.join(["lle", *words, *self._options])

    def with_override(self, key: str, value: int) -> Self:
        """Returns these settings with another value of a top-level number, and the option for it among those of `command`."""
        other = self.model_copy(update={key: value})
        other._options = (*self._options, "-S", f"{key}={value}")
        return other

    @model_validator(mode="after")
    def _names_exist(self) -> BaseParams:
        unknown = [name for name in self.suite.methods if name not in registry.packages()]
        if unknown:
            raise ValueError(f"suite.methods: there is no method {', '.join(map(repr, unknown))}; `lle methods` lists them")
        strangers = [name for name in self.suite.guided if name not in self.suite.methods]
        if strangers:
            raise ValueError(f"suite.guided: {', '.join(map(repr, strangers))} must also be listed in suite.methods, where it is trained")
        helpers = [name for name in self.suite.methods if not registry.card(name).enhances]
        if helpers:
            raise ValueError(
                f"suite.methods: {', '.join(map(repr, helpers))} enhances nothing, so there is nothing to measure; what a method "
                "needs of it is trained by a stage of its own"
            )
        for name in self.suite.attention:
            if name not in self.suite.methods:
                raise ValueError(f"suite.attention: '{name}' is not in suite.methods, so it would not be trained; add it there")
        for name in self.suite.mechanisms:
            if name not in self.suite.methods:
                raise ValueError(f"suite.mechanisms: '{name}' is not in suite.methods, so it would not be trained; add it there")
            if name not in registry.with_mechanism():
                known = ", ".join(registry.with_mechanism())
                raise ValueError(f"suite.mechanisms: '{name}' declares no numbers about its mechanism; those that do: {known}")
        for name in (self.composite.method, *self.composite.others):
            if name not in registry.packages():
                raise ValueError(f"composite: there is no method '{name}'; `lle methods` lists them")
        for key, names in {
            "suite.prepare": self.suite.prepare,
            "suite.datasets": self.suite.datasets,
            "suite.segment": self.suite.segment,
            "train.data": [self.train.data],
            "judges": list(self.judges),
        }.items():
            for name in names:
                if name not in self.data and name not in catalog_names():
                    raise ValueError(f"{key}: '{name}' has no section under `data` and is not in the catalog")
        for name, study in self.studies.items():
            variants = {} if study.variants == "suite" else study.variants
            absent = [method for method in (v.method for v in variants.values()) if method not in registry.packages()]
            absent = absent or [one for pair in study.pairs for one in pair if study.variants == "suite" and one not in self.suite.methods]
            if absent:
                raise ValueError(f"studies.{name}: there is no method '{absent[0]}'; `lle methods` lists them")
            absent = [dataset for dataset in study.datasets if dataset not in self.data and dataset not in catalog_names()]
            if absent:
                raise ValueError(f"studies.{name}.datasets: '{absent[0]}' has no section under `data` and is not in the catalog")
        for name, entry in self.zoo.items():
            if entry.method not in registry.packages():
                raise ValueError(f"zoo.{name}: there is no method '{entry.method}'; `lle methods` lists them")
            if name in registry.packages() and name != entry.method:
                raise ValueError(f"zoo.{name}: this is the id of another method than '{entry.method}'; choose another name")
            for dataset in (entry.data, *entry.tests):
                if dataset not in self.data and dataset not in catalog_names():
                    raise ValueError(f"zoo.{name}: the data set '{dataset}' has no section under `data` and is not in the catalog")
        defaults = [name for name, entry in self.zoo.items() if entry.default]
        if len(defaults) > 1:
            raise ValueError(f"zoo: {' and '.join(defaults)} are both the default; set `default: true` for one")
        needed = {"suite.datasets": self.suite.datasets, "suite.segment": self.suite.segment, "train.data": [self.train.data]}
        for key, names in needed.items():
            for name in names:
                if name not in self.suite.prepare:
                    raise ValueError(f"{key}: '{name}' must also be listed in suite.prepare, so that it is made before it is used")
        for name in self.suite.segment:
            if name not in self.judges:
                raise ValueError(f"suite.segment: '{name}' has no section under `judges`")
        return self


@functools.cache
def params_model() -> type[BaseParams]:
    """Returns the model of the whole file, with a section for every method that is installed."""
    configs: dict[str, Any] = {name: (config := registry.config_class(name), config()) for name in registry.packages()}
    methods = create_model("Methods", __base__=Strict, __doc__="Settings of each method.", **configs)
    return create_model("Params", __base__=BaseParams, __doc__="The whole of params.yaml.", methods=(methods, methods()))


def method_settings(params: BaseParams, name: str) -> MethodConfig:
    """Returns a method's section.

    Raises:
        LleError: there is no such method.
    """
    registry.package(name)
    settings: MethodConfig = getattr(params.methods, name)  # type: ignore[attr-defined]
    return settings
