"""What holds for every loss: a finite gradient for flat pictures, and a source."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable

import torch
from torch import Tensor

import lle.losses
from lle.config.curves import CurveConfig

Loss = Callable[..., Tensor | dict[str, Tensor]]
LEVELS = {"black": 0.0, "white": 1.0, "flat": 0.4}


def found() -> dict[str, Loss]:
    """Returns the public functions of `lle.losses` from tensors to a tensor or to named ones, by module and name."""
    losses = {}
    for module in pkgutil.iter_modules(lle.losses.__path__, "lle.losses."):
        loaded = importlib.import_module(module.name)
        for name, function in inspect.getmembers(loaded, inspect.isfunction):
            signature = inspect.signature(function)
            takes = any("Tensor" in str(one.annotation) for one in signature.parameters.values())
            returns = signature.return_annotation in ("Tensor", "dict[str, Tensor]")
            if function.__module__ == module.name and name[0] != "_" and takes and returns:
                losses[f"{module.name.rpartition('.')[2]}.{name}"] = function
    return losses


def names_its_source(loss: Loss) -> None:
    module = inspect.getmodule(loss)
    assert inspect.getdoc(loss), "a loss has a docstring"
    assert "Source: " in f"{inspect.getdoc(loss)}{module.__doc__}", "a docstring names paper or code, or says `Source: definition.`"


def has_a_finite_gradient(loss: Loss, level: float) -> None:
    """The first picture is of one level; the others are too, or have texture."""
    texture = torch.rand(2, 3, 32, 40, generator=torch.Generator().manual_seed(0))
    for others in (torch.full_like(texture, level), texture):
        pictures: list[Tensor] = []
        arguments = {
            name: _argument(name, str(one.annotation), torch.full_like(texture, level) if not pictures else others, pictures)
            for name, one in inspect.signature(loss).parameters.items()
            if one.default is inspect.Parameter.empty
        }
        value = loss(**arguments)
        total = sum(term.sum() for term in value.values()) if isinstance(value, dict) else value.sum()
        assert total.isfinite()
        total.backward()
        assert pictures[0].grad is not None, "a loss has a gradient in its first picture"
        assert all(picture.grad.isfinite().all() for picture in pictures if picture.grad is not None)


def _argument(name: str, annotation: str, picture: Tensor, pictures: list[Tensor]) -> object:
    if name == "labels":
        return (torch.arange(32 * 40).view(1, 32, 40) // 500).expand(2, -1, -1)
    if annotation == "float":
        return 0.1
    if annotation == "CurveConfig":
        return CurveConfig()
    if annotation.startswith("Callable[[Tensor, Tensor]"):
        return lambda image, reference: {"l1": (image - reference).abs().mean()}
    if annotation.startswith("Callable"):
        return lambda image: [image, torch.nn.functional.avg_pool2d(image, 4)]
    pictures.append(picture.clone().requires_grad_())
    return [pictures[-1]] if annotation.startswith("Sequence") else pictures[-1]
