"""The key of every stage: the code it runs, its settings with every default filled in, and what it takes from others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lle import registry, zoo
from lle.config.base import Input, MethodConfig
from lle.config.data import CatalogData, catalog_names, settings_for
from lle.config.schema import BaseParams, method_settings
from lle.data import catalog
from lle.files import digest
from lle.keys.closure import Graph
from lle.keys.code import installed, model_code, tops
from lle.keys.content import content_digest
from lle.keys.source import Source
from lle.metrics.composite import HIGHER_IS_BETTER
from lle.metrics.registry import all_metrics, declared

MODELS = Path("build/models")
SECTIONS = Path(__file__).parent.parent / "report" / "sections"
FETCH_ONLY = {
    "demo": ("lle.data.demo:make",),
    "demo_seg": ("lle.data.demo_seg:make", "lle.data.demo_seg:SEGMENTATION"),
    "mine": ("lle.data.mine.pairs:make", "lle.data.mine.pairs:SEGMENTATION"),
    "folder": ("lle.data.prepare:_from_folder",),
    "catalog": ("lle.data.prepare:_from_catalog",),
    "join": ("lle.data.prepare:_join",),
}
"""What of `prepare` only sets of one kind run."""


@dataclass(frozen=True)
class Key:
    """What a stage depends on.

    Attributes:
        stage: its name and the item it works on, such as `train/sci`.
        code: digest of the code it runs.
        settings: resolved, by section.
        inputs: what it takes from other stages. Their content is no part of `value`, because a key is written before they
            are made; the pipeline depends on the folders themselves.
    """

    stage: str
    code: str
    settings: Mapping[str, Any]
    inputs: tuple[Input, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The folders and files among the inputs."""
        return tuple(dict.fromkeys(one.path for one in self.inputs if one.path is not None))

    @property
    def config_hash(self) -> str:
        """Digest of the settings."""
        return digest(self.settings)

    @property
    def value(self) -> str:
        """Digest of all of it."""
        return digest(self.plain())

    def plain(self) -> dict[str, Any]:
        """Returns what stands in the file of the key."""
        inputs = [f"{one.kind} {one.path.as_posix() if one.path is not None else one.name}" for one in self.inputs]
        return {"code": self.code, "settings": dict(self.settings), "inputs": inputs}

    def content(self) -> dict[str, str | None]:
        """Returns the digest of every input as it lies on disk now, None for one that is not there."""
        return {path.as_posix(): content_digest(path, model_code) for path in self.paths}

    def full(self) -> str:
        """Returns the digest of the key and of the content of the inputs: of everything the result depends on."""
        return digest([self.value, self.content()])


@dataclass
class Stage:
    """A stage before its code is followed.

    Attributes:
        entries: where its code begins, `module:name`, or `module` for all of one.
        without: code that its settings rule out, in the same form.
        settings: resolved, by section.
        inputs: what it takes from other stages.
    """

    entries: list[str]
    without: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    inputs: list[Input] = field(default_factory=list)


class Keys:
    """The keys of the stages under some settings.

    Args:
        params: all settings.
        source: the files; None takes those that Python would import.
    """

    def __init__(self, params: BaseParams, source: Source | None = None) -> None:
        self.params = params
        self.graph = installed() if source is None else Graph(source, tops())

    def key(self, stage: str) -> Key:
        """Returns the key of a stage.

        Args:
            stage: `clip`, `costs`, `throughput`, `composite`, `simulate`, `report`; or with an item `fetch/SET`, `train/METHOD`,
                `evaluate/METHOD`, `judge/SET`, `segment/SET`, `prompts/METHOD`, `profile/METHOD`, `attention/METHOD`,
                `mechanism/METHOD`;
                `evaluate/input` measures untouched pictures.

        Raises:
            LleError: there is no such method.
        """
        made = self.stage(stage)
        code = self.graph.digest(made.entries, made.without)
        return Key(stage, code, made.settings, tuple(dict.fromkeys(made.inputs)))

    def stage(self, stage: str) -> Stage:
        """Returns what a stage runs, reads and is set to, see `key`."""
        name, _, item = stage.partition("/")
        made: Stage = getattr(self, f"_{name}")(*([item] if item else []))
        return made

    def names(self) -> list[str]:
        """Returns the stages of the pipelines under these settings."""
        suite = self.params.suite
        methods = trained(self.params)
        each = {
            "fetch": list(dict.fromkeys([*self.params.data, *self.params.judges, *self.params.composite.datasets])),
            "train": methods,
            "evaluate": ["input", *suite.methods],
            "profile": suite.methods,
            "prompts": list(suite.guided),
            "attention": suite.attention,
            "mechanism": suite.mechanisms,
            "judge": list(self.params.judges),
            "segment": list(self.params.judges),
        }
        plain = ["clip", "costs", "throughput", "composite", "simulate", "report", *(["zoo"] if measures_zoo(self.params) else [])]
        return [*plain, *(f"{stage}/{item}" for stage, items in each.items() for item in items)]

    def _method(self, name: str, settings: MethodConfig | None = None) -> list[str]:
        """Returns the entries of a method's code, with those of methods that its settings name."""
        home = registry.package(name)
        own = method_settings(self.params, name) if settings is None else settings
        named = [entry for one in own.inputs() if one.kind == "method" for entry in self._method(one.name, resolved(one))]
        return [f"{home}.method", f"{home}.config:Config", *named]

    def _all(self, names: Iterable[str]) -> list[str]:
        return [entry for name in names for entry in self._method(name)]

    def _section(self, *names: str) -> dict[str, Any]:
        return {name: plain(getattr(self.params, name)) for name in names}

    def _data(self, name: str) -> dict[str, Any]:
        """Returns the settings of a data set, and the entry of the catalog that it is made from."""
        settings = settings_for(name, self.params.data)
        public = settings.entry or name if isinstance(settings, CatalogData) else getattr(settings, "photographs", None)
        entry = {f"catalog.{public}": plain(catalog.entry(public))} if public in catalog_names() else {}
        return {f"data.{name}": plain(settings), **entry}

    def _fetch(self, name: str) -> Stage:
        settings = settings_for(name, self.params.data)
        source = getattr(settings, "source", None)
        inputs = [Input("folder", source.as_posix())] if source is not None else []
        inputs += [Input("data", part) for part in getattr(settings, "parts", ())]
        unused = _unused([settings.kind])
        if settings.kind in ("demo", "demo_seg", "mine"):
            unused.append("lle.data.check:at_fetch")
        if settings.kind == "join":
            # Parts are stages of their own; one that is not there is made as its stage would make it.
            unused.append("lle.config.data:settings_for")
        if getattr(settings, "photographs", None) != "photos":
            unused.append("lle.data.demo:_photos")
        return Stage(["lle.data.prepare:prepare"], unused, self._data(name), inputs)

    def _clip(self) -> Stage:
        return Stage(["lle.clip.small_clip:train"], settings=self._section("clip"))

    def _train(self, name: str) -> Stage:
        settings = method_settings(self.params, name)
        own = {f"methods.{name}": plain(settings)}
        entries = [*self._method(name), "lle.engine.train:train"]
        if registry.card(name).supervision == "classical":
            return Stage(entries, ["lle.engine.train:_fit"], own)
        inputs = [Input("data", self.params.train.data), *settings.inputs()]
        for one in settings.inputs():
            if one.kind == "method":
                own[f"methods.{name} trains {one.name}"] = plain(resolved(one))
            elif one.kind == "model" and (teacher := suite_model(one)) is not None:
                entries += self._method(teacher)
        return Stage(entries, [], {**own, **self._section("seed", "train")}, inputs)

    def _evaluate(self, name: str) -> Stage:
        code = self._method(name) if name != "input" else []
        return Stage(["lle.measure.method:evaluate_method", *_metrics(), *code], settings=self._section("evaluate", "seed"))

    def _profile(self, name: str) -> Stage:
        return Stage(["lle.measure.method:profile_method", *self._method(name)], settings=self._section("profile"))

    def _prompts(self, name: str) -> Stage:
        return Stage(["lle.clip.prompt_report:look", *self._method(name)])

    def _attention(self, name: str) -> Stage:
        inputs = list(method_settings(self.params, name).inputs())
        teachers = [teacher for one in inputs if one.kind == "model" and (teacher := suite_model(one)) is not None]
        return Stage(["lle.measure.attention:attention", *self._all([name, *teachers])], inputs=inputs)

    def _mechanism(self, name: str) -> Stage:
        home = registry.package(name)
        return Stage(["lle.measure.mechanism:mechanism", f"{home}.mechanism:measure", *self._method(name)], settings=self._section("seed"))

    def _judge(self, name: str) -> Stage:
        settings = self.params.judges[name]
        inputs = [Input("folder", settings.weights.as_posix())] if settings.weights is not None else []
        values = {f"judges.{name}": plain(settings), **self._section("evaluate", "seed", "train")}
        return Stage(["lle.segmentation.judge:train_judge"], [], values, [Input("data", name), *inputs])

    def _segment(self, _: str) -> Stage:
        values = {"suite.methods": list(self.params.suite.methods), **self._section("evaluate", "seed", "segment")}
        return Stage(["lle.segmentation.in_the_dark:segment_method", *self._all(self.params.suite.methods)], [], values)

    def _costs(self) -> Stage:
        names = list(registry.packages())
        values = {f"methods.{name}": plain(method_settings(self.params, name)) for name in names}
        return Stage(["lle.measure.counts:count", *self._all(names)], [], values)

    def _throughput(self) -> Stage:
        values = {"methods.zero_dce": plain(method_settings(self.params, "zero_dce")), **self._section("profile", "train")}
        return Stage(["lle.measure.speed:measure", *self._method("zero_dce")], [], values)

    def _composite(self) -> Stage:
        chosen = self.params.composite
        values = {f"methods.{name}": plain(method_settings(self.params, name)) for name in (chosen.method, *chosen.others)}
        sets = {name: settings_for(name, self.params.data) for name in chosen.datasets}
        sources = {key: value for name in sets for key, value in self._data(name).items()}
        code = ["lle.measure.composite:composite", *_metrics(HIGHER_IS_BETTER), *self._all([chosen.method, *chosen.others])]
        unused = _unused(settings.kind for settings in sets.values())
        return Stage(code, unused, {**values, **sources, **self._section("composite", "seed")})

    def _zoo(self) -> Stage:
        names = list(dict.fromkeys(zoo.model(name).method for name in zoo.list_zoo()))
        inputs = [Input("folder", "lle/zoo"), Input("data", zoo.TEST)]
        code = ["lle.measure.zoo:evaluate_all", *_metrics(("psnr", "psnr_gt_mean", "ssim")), *self._all(names)]
        return Stage(code, [], self._section("evaluate", "seed"), inputs)

    def _simulate(self) -> Stage:
        return Stage(["lle.iovt.run:simulate_all"], settings=self._section("iovt", "seed"))

    def _report(self) -> Stage:
        sections = [f"lle.report.sections.{path.stem}" for path in sorted(SECTIONS.glob("[a-z]*.py"))]
        cards = {name: digest(registry.card(name).model_dump(mode="json")) for name in registry.packages()}
        # A report shows how metrics are called and defined; how they are computed is in the results.
        metrics = {name: {key: value for key, value in vars(one).items() if not callable(value)} for name, one in all_metrics().items()}
        return Stage(["lle.report.build:build_report", *sections], [], {"cards": cards, "metrics": metrics})


def _metrics(names: Iterable[str] | None = None) -> list[str]:
    """Returns the entries of the code of these metrics, or of all: the modules that declare them."""
    wanted = set(all_metrics() if names is None else names)
    return [f"{module}:METRICS" for module, own in declared().items() if wanted & {metric.name for metric in own}]


def plain(value: Any) -> Any:
    """Returns settings as plain data, with every default filled in."""
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def resolved(one: Input) -> MethodConfig:
    """Returns the settings of an input of kind `method`."""
    return registry.config_class(one.name)(**(one.settings or {}))


def trained(params: BaseParams) -> list[str]:
    """Returns the methods of the suite, after those whose models they take from `build/models`."""
    names: list[str] = []

    def add(name: str) -> None:
        if name in names:
            return
        for one in method_settings(params, name).inputs():
            teacher = suite_model(one)
            if teacher is not None and teacher != name:
                add(teacher)
        names.append(name)

    for name in params.suite.methods:
        add(name)
    return names


def fetched(params: BaseParams) -> list[str]:
    """Returns the data sets that the default pipeline makes or fetches."""
    return list(params.suite.prepare)


def measures_zoo(params: BaseParams) -> bool:
    """Says whether the pipeline measures the weights of the package: there are some, and their test set is one of the suite's."""
    return bool(zoo.list_zoo()) and zoo.TEST in params.suite.datasets


def _unused(kinds: Iterable[str]) -> list[str]:
    """Returns the code of `prepare` that data sets of these kinds do not run."""
    wanted = set(kinds)
    return [entry for kind, only in FETCH_ONLY.items() if kind not in wanted for entry in only]


def suite_model(one: Input) -> str | None:
    """Returns the method whose training in this pipeline makes the model folder that an input names."""
    path = one.path
    if one.kind != "model" or path is None or path.parent != MODELS or path.name not in registry.packages():
        return None
    return path.name
