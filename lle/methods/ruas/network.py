"""RUAS: searched cells that estimate the illumination stage by stage, and searched cells that estimate the noise."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Operations of a cell in the order c1_d, c1_r, c2_d, c2_r, c3_d, c3_r, c4, as the authors' search found them.
ILLUMINATION = ("skip", "resconv1", "resdilconv3", "conv3", "conv3", "skip", "conv3")
NOISE = ("resconv1", "resconv1", "resdilconv3", "skip", "resconv1", "resconv1", "skip")

_NAMES = ("c1_d", "c1_r", "c2_d", "c2_r", "c3_d", "c3_r", "c4")


class Convolution(nn.Module):
    """A convolution that keeps the size and may add its input.

    Args:
        width: channels.
        kernel: side of the kernel.
        dilation: spacing of its taps.
        residual: whether the input is added.
    """

    def __init__(self, width: int, kernel: int, dilation: int = 1, residual: bool = False) -> None:
        super().__init__()
        self.op = nn.Conv2d(width, width, kernel, padding=kernel // 2 * dilation, dilation=dilation)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        return self.op(x) + x if self.residual else self.op(x)


def _operation(name: str, width: int) -> nn.Module:
    if name == "skip":
        return nn.Identity()
    return Convolution(width, int(name[-1]), dilation=2 if "dil" in name else 1, residual=name.startswith("res"))


class Cell(nn.Module):
    """Three steps that each distil a map and hand on the rest, one last operation, and a 1x1 convolution of the four maps.

    Args:
        width: channels.
        operations: names of the seven operations.
    """

    def __init__(self, width: int, operations: Sequence[str]) -> None:
        super().__init__()
        for name, operation in zip(_NAMES, operations, strict=True):
            self.add_module(name, _operation(operation, width))
        self.c5 = nn.Conv2d(4 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        distilled = []
        for step in ("c1", "c2", "c3"):
            distilled.append(F.leaky_relu(self.get_submodule(f"{step}_d")(x), 0.05))
            # A residual operation has added its input already; the step adds it once more.
            x = F.leaky_relu(self.get_submodule(f"{step}_r")(x) + x, 0.05)
        distilled.append(F.leaky_relu(self.get_submodule("c4")(x), 0.05))
        return self.c5(torch.cat(distilled, dim=1))


def brightest(x: Tensor) -> Tensor:
    """Maximum over each pixel, its right-hand, lower and lower right-hand neighbour, a channel at a time; 0 beyond the border."""
    return F.max_pool2d(F.pad(x, (0, 1, 0, 1)), 2, stride=1)


class Enhancer(nn.Module):
    """Estimates the illumination in stages, each starting from the picture that the stage before has lit.

    Args:
        stages: number of cells.
    """

    def __init__(self, stages: int = 3) -> None:
        super().__init__()
        self.cells = nn.ModuleList(Cell(3, ILLUMINATION) for _ in range(stages))

    def forward(self, image: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Returns each stage's lit picture in [0, 1] and illumination in [0.001, 1], all B x 3 x H x W."""
        results: list[tuple[Tensor, Tensor]] = []
        for cell in self.cells:
            guess = brightest(image)
            if results:
                lit = results[-1][0]
                guess = brightest(lit) - 0.5 * (lit - image)
            illumination = torch.sigmoid(cell(guess)).clamp(0.001, 1)
            results.append(((image / illumination).clamp(0, 1), illumination))
        return results


class Denoiser(nn.Module):
    """Estimates the noise of a picture and takes it away.

    Args:
        cells: number of cells.
        width: their channels.
    """

    def __init__(self, cells: int = 3, width: int = 6) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.cells = nn.Sequential(*(Cell(width, NOISE) for _ in range(cells)))
        self.tail = nn.Conv2d(width, 3, 3, padding=1)
        # The authors start from a trained denoiser; ours starts with next to no noise.
        nn.init.normal_(self.tail.weight, std=1e-2)
        assert self.tail.bias is not None
        nn.init.zeros_(self.tail.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Maps B x 3 x H x W to the same shape, not bounded."""
        return image - self.tail(self.cells(self.stem(image)))


class Ruas(nn.Module):
    """Enhancer and denoiser.

    Args:
        stages: of the enhancer.
        denoise_cells: of the denoiser.
        denoise_width: channels of the denoiser.
        denoised: whether the result is denoised.
    """

    def __init__(self, stages: int = 3, denoise_cells: int = 3, denoise_width: int = 6, denoised: bool = True) -> None:
        super().__init__()
        self.enhancer = Enhancer(stages)
        self.denoiser = Denoiser(denoise_cells, denoise_width)
        self.denoised = denoised

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]; in [0, 1] again unless denoised."""
        lit = self.enhancer(low)[-1][0]
        return self.denoiser(lit) if self.denoised else lit
