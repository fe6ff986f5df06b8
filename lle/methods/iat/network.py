"""Illumination Adaptive Transformer: a local multiply-add map and a global colour matrix with an exponent."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ColorNorm(nn.Module):
    """Mixes the channels of a map with a learned matrix, then scales and shifts each; takes a normalisation's place.

    Args:
        width: channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, 1, width))
        self.beta = nn.Parameter(torch.zeros(1, 1, width))
        self.color = nn.Parameter(torch.eye(width))

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape: alpha (color x) + beta at each pixel."""
        scale = self.alpha.flatten()
        mixed = F.conv2d(x, self.color[:, :, None, None])
        return mixed * scale[:, None, None] + self.beta.flatten()[:, None, None]


class ConvMlp(nn.Module):
    """Two 1x1 convolutions with a GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(width, hidden, 1)
        self.fc2 = nn.Conv2d(hidden, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        return self.fc2(F.gelu(self.fc1(x)))


class DropPath(nn.Module):
    """Leaves out a residual branch for a random share of the pictures while training, and scales the others up.

    Args:
        rate: share of pictures without the branch.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x ... to the same shape."""
        if not self.training or self.rate == 0:
            return x
        keep = 1 - self.rate
        return x * (torch.rand(x.shape[0], 1, 1, 1, device=x.device, dtype=x.dtype) < keep) / keep


class LocalBlock(nn.Module):
    """Convolutional block in a transformer's layout: position, 5x5 depthwise mixing in place of attention, MLP.

    Args:
        width: channels.
        drop: rate of stochastic depth.
        scale: first value of the two layer scales.
    """

    def __init__(self, width: int, drop: float, scale: float = 1e-4) -> None:
        super().__init__()
        self.gamma_1 = nn.Parameter(scale * torch.ones(1, width, 1, 1))
        self.gamma_2 = nn.Parameter(scale * torch.ones(1, width, 1, 1))
        self.pos_embed = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm1 = ColorNorm(width)
        self.conv1 = nn.Conv2d(width, width, 1)
        self.attn = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.conv2 = nn.Conv2d(width, width, 1)
        self.norm2 = ColorNorm(width)
        self.mlp = ConvMlp(width, 4 * width)
        self.drop = DropPath(drop)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        x = x + self.pos_embed(x)
        x = x + self.drop(self.gamma_1 * self.conv2(self.attn(self.conv1(self.norm1(x)))))
        return x + self.drop(self.gamma_2 * self.mlp(self.norm2(x)))


class LocalNet(nn.Module):
    """Predicts for every pixel and channel a factor >= 0 and a summand in [-1, 1].

    Args:
        width: channels.
        blocks: blocks in each of the two branches.
    """

    def __init__(self, width: int = 16, blocks: int = 3) -> None:
        super().__init__()
        # The authors' rates for three blocks, spread evenly for another number.
        rates = [0.01, 0.05, 0.1] if blocks == 3 else torch.linspace(0.01, 0.1, blocks).tolist()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1)
        self.mul_blocks = nn.Sequential(*(LocalBlock(width, rate) for rate in rates))
        self.add_blocks = nn.Sequential(*(LocalBlock(width, rate) for rate in rates))
        self.mul_end = nn.Conv2d(width, 3, 3, padding=1)
        self.add_end = nn.Conv2d(width, 3, 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels // module.groups
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns factor and summand, both B x 3 x H x W."""
        features = F.leaky_relu(self.conv1(x), 0.2)
        factor = F.relu(self.mul_end(self.mul_blocks(features) + features))
        summand = torch.tanh(self.add_end(self.add_blocks(features) + features))
        return factor, summand


class QueryAttention(nn.Module):
    """Multi-head attention of ten learned queries over the picture's tokens.

    Args:
        width: channels of a token.
        heads: attention heads.
        queries: learned queries.
    """

    def __init__(self, width: int, heads: int = 4, queries: int = 10) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Parameter(torch.ones(1, queries, width))
        self.k = nn.Linear(width, width, bias=False)
        self.v = nn.Linear(width, width, bias=False)
        self.proj = nn.Linear(width, width)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        """Maps B x N x C tokens to B x 10 x C."""
        query = self._split(self.q.expand(tokens.shape[0], -1, -1))
        key, value = self._split(self.k(tokens)), self._split(self.v(tokens))
        weights = (query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5).softmax(dim=-1)
        return self.proj((weights @ value).transpose(1, 2).flatten(2))


class TokenMlp(nn.Module):
    """Two linear layers with a GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x N x C to the same shape."""
        return self.fc2(F.gelu(self.fc1(x)))


class QueryBlock(nn.Module):
    """Position, attention of the queries (without a residual path around it) and MLP."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.pos_embed = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm1 = nn.LayerNorm(width)
        self.attn = QueryAttention(width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = TokenMlp(width, 4 * width)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to B x 10 x C."""
        x = x + self.pos_embed(x)
        tokens = self.attn(self.norm1(x.flatten(2).transpose(1, 2)))
        return tokens + self.mlp(self.norm2(tokens))


class ConvEmbedding(nn.Module):
    """Two 3x3 convolutions of stride 2 with batch normalisation: tokens at a quarter of the size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Sequential(
            nn.Conv2d(3, width // 2, 3, stride=2, padding=1),
            nn.BatchNorm2d(width // 2),
            nn.GELU(),
            nn.Conv2d(width // 2, width, 3, stride=2, padding=1),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x 3 x H x W to B x C x H/4 x W/4."""
        return self.proj(x)


class GlobalNet(nn.Module):
    """Predicts an exponent and a 3x3 colour matrix for the whole picture.

    Args:
        width: channels of a token.
        learn_gamma: whether the exponent's base is trained.
    """

    def __init__(self, width: int = 64, learn_gamma: bool = True) -> None:
        super().__init__()
        self.gamma_base = nn.Parameter(torch.ones(1), requires_grad=learn_gamma)
        self.color_base = nn.Parameter(torch.eye(3))
        self.conv_large = ConvEmbedding(width)
        self.generator = QueryBlock(width)
        self.gamma_linear = nn.Linear(width, 1)
        self.color_linear = nn.Linear(width, 1)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        # The authors set these weights to 0; then nothing before them has a gradient in the first step.
        nn.init.normal_(self.generator.attn.v.weight, std=1e-4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the exponent, B x 1, and the colour matrix, B x 3 x 3."""
        queries = self.generator(self.conv_large(x))
        gamma = self.gamma_linear(queries[:, 0]) + self.gamma_base
        color = self.color_linear(queries[:, 1:]).reshape(-1, 3, 3) + self.color_base
        return gamma, color


class IAT(nn.Module):
    """The whole network: clamp(C (factor * x + summand)) ** gamma.

    Args:
        width: channels of the local branches.
        blocks: blocks in each local branch.
        learn_gamma: whether the exponent's base is trained.
    """

    def __init__(self, width: int = 16, blocks: int = 3, learn_gamma: bool = True) -> None:
        super().__init__()
        self.local_net = LocalNet(width, blocks)
        self.global_net = GlobalNet(learn_gamma=learn_gamma)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x 3 x H x W, in [0, 1] or [-1, 1] as it was trained, to B x 3 x H x W in [0, 1]."""
        return self.transform(x, *self.global_net(x))

    def transform(self, x: Tensor, gamma: Tensor, color: Tensor) -> Tensor:
        """Enhances `x` with an exponent, B x 1, and a colour matrix, B x 3 x 3, that were predicted for the whole picture."""
        factor, summand = self.local_net(x)
        lit = torch.einsum("brc,bchw->brhw", color, x * factor + summand)
        # Clamped before the power: a negative base has none, and 0 has no gradient.
        return lit.clamp(1e-8, 1) ** gamma[:, :, None, None]
