"""Edits of this package's files, and the stages that each must make stale: no fewer, and no others."""

from __future__ import annotations

from dataclasses import dataclass

TRAINED = ("zero_dce", "sci", "unet", "pie", "jcrnet", "net_t", "distill", "clip_isp", "clip_lit", "sllen")
GUIDED = ("clip_isp", "clip_lit")
TRAININGS = tuple(f"train/{name}" for name in TRAINED)
JUDGES = ("judge/*",)
SETS = ("fetch/*",)
DEMO = ("fetch/demo", "fetch/demo_varied", "fetch/photos_varied")
CATALOG = tuple(f"fetch/{name}" for name in ("camvid", "voc2012", "dicm", "coal_mine_frames"))
NOTHING: tuple[str, ...] = ()


def of(*methods: str, trained_only: bool = False) -> tuple[str, ...]:
    """Returns the stages that run the code of methods."""
    each = ("train",) if trained_only else ("train", "evaluate", "profile", "prompts", "attention", "mechanism")
    found = tuple(f"{stage}/{name}" for name in methods for stage in each)
    return found if trained_only else (*found, "segment/*", "costs")


@dataclass(frozen=True)
class Edit:
    """An edit: in `path` below the package, `old` becomes `new`; the stages that must change are given as patterns."""

    path: str
    old: str
    new: str
    stale: tuple[str, ...]


SETTINGS = (
    # Defaults reach a stage only through the settings that it uses.
    # CLIP-ISP has a value of its own.
    Edit("config/clip.py", "logit_scale: float = Field(20.0", "logit_scale: float = Field(60.0", ("train/clip_lit", "costs")),
    Edit("config/clip.py", "iterations: int = Field(280", "iterations: int = Field(281", NOTHING),  # params.yaml sets it
    Edit("config/clip.py", "held_out: int = Field(280", "held_out: int = Field(281", ("clip",)),
    Edit("config/clip.py", "text_width: int = Field(128", "text_width: int = Field(130", (*(f"train/{m}" for m in GUIDED), "costs")),
    Edit("config/judge.py", '"weight_decay": 1e-2', '"weight_decay": 2e-2', ("judge/demo_seg", "judge/mine_rendered", "judge/camvid")),
    Edit("config/judge.py", "encoder_lr_factor: float = Field(0.3", "encoder_lr_factor: float = Field(0.4", JUDGES),
    Edit("config/judge.py", "images: int = Field(100", "images: int = Field(50", NOTHING),  # params.yaml sets it
    Edit(
        "config/light.py",
        "photons: PositiveRange = (1500.0",
        "photons: PositiveRange = (15.0",
        ("fetch/demo_varied", "fetch/photos_varied", "clip", "prompts/*", "segment/*"),
    ),
    Edit(
        "config/light.py",
        "haze: Range = (0.02, 0.25)",
        "haze: Range = (0.02, 0.3)",
        ("fetch/demo", "fetch/demo_varied", "fetch/photos_varied", "clip", "prompts/*"),
    ),
    Edit(
        "config/data.py",
        "val: float = Field(0.0",
        "val: float = Field(0.1",
        (*CATALOG, "composite"),
    ),
    Edit("config/data.py", "lists them), downloaded or brought.", "lists them).", NOTHING),
    Edit(
        "config/base.py",
        "weight_decay: float = Field(0.0",
        "weight_decay: float = Field(1e-5",
        (
            "train/unet",
            "train/jcrnet",
            "train/net_t",
            "train/distill",
            "train/clip_isp",
            "train/clip_lit",
            "train/sllen",
            "train/gamma",
            "train/clahe",
            "train/lime",
            "judge/voc2012",
            "costs",
            "composite",
        ),
    ),
    Edit("config/base.py", "hold: float = Field(0.0", "hold: float = Field(0.1", ("train/*", *JUDGES, "costs", "composite", "throughput")),
    Edit("config/schema.py", "checkpoint_every: int = Field(100", "checkpoint_every: int = Field(50", NOTHING),  # params.yaml sets it
    Edit("config/iovt.py", "fps: float = Field(1.0", "fps: float = Field(2.0", ("simulate",)),
    Edit("methods/zero_dce/config.py", '"exposure_level": 0.5', '"exposure_level": 0.55', ("train/zero_dce", "costs", "throughput")),
    Edit("methods/zero_dce/config.py", '"iterations": 60_600', '"iterations": 60_601', ("costs",)),  # which counts the printed presets
    Edit("methods/kind/config.py", "Settings of KinD", "Settings of the KinD", NOTHING),
    # What is declared as data: an entry of the catalog, a column.
    Edit("data/catalog/camvid.yaml", "CamVid", "Camvid", ("fetch/camvid",)),
    Edit("data/catalog/voc2012.yaml", "title: ", "title: The ", ("fetch/voc2012",)),
    Edit("data/catalog/lol_v1.yaml", "LOL", "Lol", NOTHING),
    Edit("metrics/vif.py", 'label="VIF"', 'label="Fidelity"', ("evaluate/*", "report")),
    Edit("metrics/descriptors.py", "order=150", "order=15", ("evaluate/*", "report", "composite")),
    Edit(
        "config/supervised.py",
        "gt_mean: float | None = Field(None",
        "gt_mean: float | None = Field(0.1",
        ("train/unet", "train/distill", "train/sllen", "costs", "composite"),  # JCRNet's preset says what it has
    ),
    Edit("methods/sllen/config.py", "w_itv: float = Field(0.01", "w_itv: float = Field(0.02", ("train/sllen", "costs")),
)

ADDED = (
    # A new file is found; nothing else is edited.
    Edit(
        "metrics/darkest.py",
        "",
        "from lle.metrics.metric import Metric\n"
        "METRICS = (Metric('darkest', 'Darkest', 'none', False, '', '', '', lambda s: s.output.min()),)\n",
        ("evaluate/*", "report"),
    ),
    Edit("metrics/helper.py", "", "HALF = 0.5\n", NOTHING),
    Edit(
        "data/catalog/night.yaml",
        "",
        "{title: Night, task: enhancement, licence: null, citation: none, page: null, note: null,"
        " sources: [], layouts: [{reader: folder}]}\n",
        NOTHING,
    ),
    Edit("losses/night.py", "", "def night(image):\n    return image.mean()\n", NOTHING),
    Edit("report/sections/night.py", "", "def section(reports, results):\n    return None\n", ("report",)),
)

CODE = (
    # Settings: methods and properties count where they are used, validators and messages do not.
    Edit("config/clip.py", "source = self.pretrained or", "source = None or self.pretrained or", (*of(*GUIDED), "zoo")),
    Edit("config/clip.py", 'it null")', 'it empty")', NOTHING),
    Edit(
        "methods/distill/config.py",
        'return self.teacher in ("pretrained", "random")',
        'return self.teacher != "none"',
        (*of("distill"), "composite"),
    ),
    Edit("config/study.py", "return [(match[1], match[2])", "return [(match[2], match[1])", NOTHING),
    Edit("config/load.py", "section[last] = parse_value(text)", "section[last] = text", NOTHING),  # the values count
    # Shared tools: each definition counts where it is used.
    Edit("files.py", ":.6g", ":.2g", ("evaluate/*", *JUDGES, "segment/*", "mechanism/*", "zoo")),
    Edit("files.py", "cannot write {path}: ", "{path} cannot be written: ", NOTHING),
    Edit("errors.py", "cutoff=0.6", "cutoff=0.7", ("composite",)),
    # The engine.
    Edit("engine/trainer.py", "def _check", "def _unused():\n    return 1\n\n\ndef _check", NOTHING),
    Edit("engine/optim.py", "return ", "return 0 or ", (*TRAININGS, *JUDGES, "mechanism/*")),
    Edit("engine/train.py", "CURVE_POINTS = 200", "CURVE_POINTS = 100", ("train/*",)),
    Edit("engine/train.py", '"""Trains one method as', '"""Trains a method as', NOTHING),
    Edit("engine/phases.py", "ALIGNED = {", "ALIGNED = {*(), ", (*TRAININGS, *JUDGES, "throughput", "mechanism/*")),
    Edit("engine/probe.py", "return ", "return 0 or ", ("mechanism/*",)),
    # Methods, and what several of them share.
    Edit("methods/sci/network.py", "class ", "UNUSED = 1\n\n\nclass ", NOTHING),
    Edit("methods/sci/method.py", "return ", "return None or ", (*of("sci"), "zoo")),
    Edit("methods/zero_dce/method.py", "return ", "return None or ", (*of("zero_dce"), "throughput", "zoo")),
    Edit("methods/he/method.py", "return ", "return None or ", ("costs",)),
    Edit("methods/net_t/network.py", "class ", "@print\nclass ", (*of("net_t", "distill"), "composite")),
    Edit("losses/contrastive.py", "return ", "return 0 + ", of("pie")),
    Edit("losses/gt_mean.py", "return dict(", "return 0 or dict(", (*of("unet", "jcrnet", "distill", "sllen"), "composite", "zoo")),
    Edit("losses/zero_reference.py", "def curve_smoothness(", "def curve_smoothness(*_, ", (*of("pie", "zero_dce"), "throughput", "zoo")),
    Edit("nn/dce.py", "def apply_curves(", "def apply_curves(*_, ", (*of("pie", "zero_dce"), "throughput", "zoo")),
    Edit("clip/guided.py", "return ", "return None or ", (*of(*GUIDED), "zoo")),
    Edit("methods/pie/mechanism.py", "LEAST = 0.0", "LEAST = 1.0", ("mechanism/pie",)),
    Edit("clip/demo.yaml", "", "# \n", ("clip",)),
    # Data sets: each kind runs its own part of `prepare`.
    Edit("data/demo_seg.py", "def make(", "def make(*_, ", ("fetch/demo_seg",)),
    Edit("data/demo.py", "def make(", "def make(*_, ", DEMO),
    Edit("data/catalog/camvid.yaml", "", "# \n", NOTHING),
    Edit("data/prepare.py", "def _from_folder(", "def _from_folder(*_, ", NOTHING),
    Edit("data/degrade.py", "def sensor(", "def sensor(*_, ", (*DEMO, "fetch/mine_rendered", "clip", "prompts/*", "segment/*")),
    # Measurement.
    Edit("metrics/vif.py", "return ", "return 0 + ", ("evaluate/*",)),
    Edit("metrics/descriptors.py", "return ", "return 0 + ", ("evaluate/*", "composite")),  # terms of the index
    Edit("metrics/registry.py", "return tuple(", "return 0 or tuple(", ("evaluate/*", "zoo")),
    Edit("metrics/bootstrap.py", "def bootstrap_mean(", "def bootstrap_mean(*_, ", ("evaluate/*", "report", "zoo")),
    Edit("measure/cost.py", "return ", "return None or ", ("profile/*", "costs")),
    Edit("measure/quality.py", "# ", "# Note: ", NOTHING),
    Edit("iovt/stations.py", "OVERHEAD = 78", "OVERHEAD = 66", ("simulate",)),
    Edit("segmentation/judge.py", "def class_weights(", "def class_weights(*_, ", JUDGES),
    Edit("segmentation/in_the_dark.py", "SAMPLE_SIDE = 240", "SAMPLE_SIDE = 241", ("segment/*",)),
    # The report, and what is no stage's.
    Edit("report/templates/page.css", "", "/* */\n", ("report",)),
    Edit("report/charts/curves.py", "return ", "return '' or ", ("report",)),
    Edit("report/sections/costs.py", "return ", "return None or ", ("report",)),
    Edit("cli/stages.py", "def profile(", "def profile(*_, ", NOTHING),
    Edit("keys/closure.py", "return ", "return None or ", NOTHING),  # a changed way of making keys shows in them
    Edit("gate/compare.py", "LATENCY = ", "LATENCY = 1 * ", NOTHING),
)
