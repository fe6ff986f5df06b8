"""What holds for every method, as functions of a method's id: for the registry's tests, and for those of a new method."""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from lle import cards, registry
from lle.config.clip import GuidedConfig
from lle.engine.method import Method
from lle.engine.model_io import load_model, save_model
from tests.methods.helpers import batch_of, parameter_count, train

SAME = 4
"""Pictures of which a method learns in `reaches_every_trainable_parameter_and_lowers_its_losses`."""


def built(name: str, **settings: object) -> Method:
    """Builds a method, the same each time."""
    torch.manual_seed(0)
    return registry.create(name, settings)


def tiny(name: str) -> dict[str, Any]:
    """Returns settings of a small network; where CLIP guides it, of one round: its phases come again in the others."""
    config = registry.config_class(name)
    return {**config.tiny, **({"rounds": 1} if issubclass(config, GuidedConfig) else {})}


def keeps_odd_and_small_pictures_and_batches(method: Method) -> None:
    torch.manual_seed(1)
    for shape in ((1, 3, 37, 53), (2, 3, 32, 48)):
        output = method.enhance(torch.rand(shape))
        assert output.shape == shape
        assert output.isfinite().all()
        assert output.min() >= 0
        assert output.max() <= 1


def enhances_the_same_alone_and_in_a_batch(method: Method) -> None:
    pictures = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    together = method.enhance(pictures)
    alone = torch.cat([method.enhance(picture[None]) for picture in pictures])
    torch.testing.assert_close(together, alone, atol=2e-5, rtol=0)


def has_a_card_that_says_what_the_code_has(name: str, method: Method) -> None:
    card = registry.card(name)
    assert (card.supervision == "classical") == (method.network is None) == (not method.trained)
    assert len(card.text) > 200, "a card says what the method is and how ours differs"
    assert "recommended" in method.config.presets


def has_a_card_with_the_figures_that_are_counted(name: str) -> None:
    text = cards.path(name).read_text(encoding="utf-8")
    assert text == cards.updated(name), f"bring it up to date: lle methods cards {name}"


def reaches_every_trainable_parameter_and_lowers_its_losses(name: str) -> None:
    method = built(name, **tiny(name))
    # The same pictures in every batch, so that one step can be compared with the next.
    same = partial(batch_of, method, batch_size=SAME, images=SAME, crop=32)
    run = train(method, iterations=15, batches=same)
    assert run.untouched == set()
    for phase in method.phases():
        fell = [run.fell(phase.name, update.name) for update in phase.updates]
        assert any(fell), f"no loss of phase {phase.name} falls on the same pictures"


def learns_from_black_white_and_flat_pictures(name: str) -> None:
    for level in (0.0, 1.0, 0.4):
        method = built(name, **tiny(name))
        train(method, batches=lambda stream, iteration, level=level, method=method: batch_of(method, stream, crop=32, level=level))
        wrong = [key for key, value in method.named_parameters() if not torch.isfinite(value).all()]
        wrong += [key for key, value in method.named_parameters() if value.grad is not None and not torch.isfinite(value.grad).all()]
        assert not wrong, f"not finite after a step on pictures of {level}: {wrong[:3]}"


def comes_back_from_disk_as_it_was(name: str, method: Method, folder: Path) -> None:
    picture = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(2))
    expected = method.enhance(picture)
    save_model(method, name, folder)
    assert torch.equal(load_model(folder).enhance(picture), expected)
    if (folder / "model.safetensors").exists():
        held = sum(value.numel() for value in load_file(folder / "model.safetensors").values())
        buffers = sum(value.numel() for value in method.state_dict().values()) - parameter_count(method)
        assert held <= parameter_count(method) + max(buffers, 0), "helper networks do not belong into a model"


def shares_its_work_between_estimating_and_enhancing(method: Method) -> None:
    low = torch.rand(2, 3, 37, 53, generator=torch.Generator().manual_seed(3))
    method.eval()
    with torch.no_grad():
        assert method.scope == "global", "only what depends on the whole picture has to be estimated"
        torch.testing.assert_close(method.enhance_with(low, method.estimate(low)), method(low), atol=2e-5, rtol=0)


def exports_what_enhance_gives(method: Method) -> None:
    low = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        assert torch.equal(copy.deepcopy(method).eval().exported()(low).clamp(0, 1), method.enhance(low))
