"""JCRNet (arXiv 2309.16128): unfolding steps around an encoder-decoder, an illumination net and a back-projection.

Read off the authors' code (Daniel00008/JCRNet-mindspore @5246848), without the layers that it declares and never uses.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lle.nn.blocks import crop_to, pad_to_multiple
from lle.nn.strips import PIXELS, by_rows


def channels(number: int, width: float) -> int:
    """Returns `number` times `width`, rounded to an even number that is at least 4."""
    return max(4, 2 * round(number * width / 2))


def conv(inner: int, outer: int, kernel: int = 3, bias: bool = True) -> nn.Conv2d:
    """Returns a convolution that keeps height and width."""
    return nn.Conv2d(inner, outer, kernel, padding=kernel // 2, bias=bias)


class Residual(nn.Module):
    """x + conv(act(conv(x))): one learned operator Phi of an unfolding step. `act` is shared between all four of them."""

    def __init__(self, hidden: int, act: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(3, hidden), act, conv(hidden, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Returns x plus its learned change, B x 3 x H x W."""
        return x + self.body(x)


class Unfold(nn.Module):
    """One gradient step towards the input: x - r * Phi'(Phi(x) - I)."""

    def __init__(self, hidden: int, act: nn.Module) -> None:
        super().__init__()
        self.phi = Residual(hidden, act)
        self.phi_t = Residual(hidden, act)
        self.r = nn.Parameter(torch.tensor([0.5]))

    def forward(self, x: Tensor, image: Tensor) -> Tensor:
        """Moves `x` one step so that Phi(x) comes nearer to `image`; all B x 3 x H x W."""
        return x - self.r * self.phi_t(self.phi(x) - image)


class ChannelAttention(nn.Module):
    """Residual channel attention block (CAB). Its pooling needs the whole picture, its convolutions do not."""

    def __init__(self, width: int, act: nn.Module, pixels: int) -> None:
        super().__init__()
        self.pixels = pixels
        self.body = nn.Sequential(conv(width, width, bias=False), act, conv(width, width, bias=False))
        hidden = max(width // 4, 4)  # 10 at full width; with one or two a narrow network's gate often begins dead
        self.weigh = nn.Sequential(conv(width, hidden, 1, bias=False), nn.ReLU(), conv(hidden, width, 1, bias=False), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """Returns B x C x H x W, as the input."""
        body = by_rows(self.body, x, halo=2, pixels=self.pixels)
        return x + body * self.weigh(body.mean((2, 3), keepdim=True))


class UBlock(nn.Module):
    """Two convolutions beside a 1x1 convolution; with `half_norm` the first half of the channels is instance-normalised (HIN)."""

    def __init__(self, inner: int, outer: int, half_norm: bool) -> None:
        super().__init__()
        self.conv_1 = conv(inner, outer)
        self.conv_2 = conv(outer, outer)
        self.identity = conv(inner, outer, 1)
        self.norm = nn.InstanceNorm2d(outer // 2, affine=True) if half_norm else None

    def forward(self, x: Tensor) -> Tensor:
        """Returns B x outer x H x W."""
        hidden = self.conv_1(x)
        if self.norm is not None:
            half = self.norm.num_features
            hidden = torch.cat([self.norm(hidden[:, :half]), hidden[:, half:]], 1)
        hidden = F.leaky_relu(hidden, 0.2, inplace=True)
        return F.leaky_relu(self.conv_2(hidden), 0.2, inplace=True) + self.identity(x)


class EncoderDecoder(nn.Module):
    """One down step and one up step: 40 channels in, 60 inside, 40 out."""

    def __init__(self, features: int, inside: int) -> None:
        super().__init__()
        self.block_a = UBlock(features, inside, half_norm=True)
        self.down = nn.Conv2d(inside, inside, 4, stride=2, padding=1, bias=False)
        self.block_b = UBlock(inside, inside, half_norm=True)
        self.up = nn.ConvTranspose2d(inside, features, 2, stride=2)
        self.skip = conv(inside, features)
        self.block_c = UBlock(2 * features, features, half_norm=False)

    def forward(self, x: Tensor) -> Tensor:
        """Returns B x features x H x W; H and W even."""
        skip = self.block_a(x)
        up = self.up(self.block_b(self.down(skip)))
        return self.block_c(torch.cat([up, self.skip(skip)], 1))


class SpatialTransform(nn.Module):
    """SFT layer as in the code: the scale is concatenated and convolved, the shift is added; nothing is multiplied."""

    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.scale = nn.Sequential(conv(condition, condition), nn.LeakyReLU(0.1), conv(condition, width))
        self.merge = nn.Sequential(conv(2 * width, width), nn.LeakyReLU(0.01))
        self.shift = nn.Sequential(conv(condition, condition, 1), nn.LeakyReLU(0.1), conv(condition, width, 1))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Returns `x` changed by the condition; same height and width."""
        return self.merge(torch.cat([x, self.scale(condition)], 1)) + self.shift(condition)


class Illumination(nn.Module):
    """Illumination net: an edge map conditions the features; three residual pairs of convolutions give the corrected picture.

    Everything in it is local: an output pixel depends on input pixels up to `HALO` rows away.
    """

    HALO = 17  # edge 4, condition 1, first SFT layer 3, the block's convs 1 + 1 with the second SFT's merge 1, trunk 6

    def __init__(self, width: float) -> None:
        super().__init__()
        half, base, wide = channels(32, width), channels(64, width), channels(128, width)
        mix = conv(base, 1, 1)
        self.edge = nn.Sequential(
            conv(3, half), nn.ReLU(), conv(half, half), nn.ReLU(), conv(half, base), nn.ReLU(), conv(base, base), nn.ReLU(),
            mix, nn.ReLU(),
        )  # fmt: skip
        # The edge map is one channel behind a ReLU, of inputs that are positive: weights of both signs leave it, and with it
        # the whole branch, dead for about every second seed. It begins as a positive mixture.
        with torch.no_grad():
            mix.weight.abs_()
        mix.bias = nn.Parameter(torch.zeros(1))
        self.condition = nn.Sequential(conv(1, base), nn.ReLU(), conv(base, base, 1), nn.ReLU(), conv(base, half, 1))
        self.conv0 = conv(3, base)
        self.sft0, self.sft1 = SpatialTransform(base, half), SpatialTransform(base, half)
        self.block0, self.block1 = conv(base, base), conv(base, base)
        self.conv3, self.bn3 = conv(base, wide), nn.BatchNorm2d(wide)
        self.conv4, self.bn4 = conv(wide, wide), nn.BatchNorm2d(wide)
        self.conv5, self.bn5 = conv(wide, wide), nn.BatchNorm2d(wide)
        self.conv8, self.bn8 = conv(wide, wide), nn.BatchNorm2d(wide)
        self.conv9, self.bn9 = conv(wide, wide), nn.BatchNorm2d(wide)
        self.conv25, self.bn25 = conv(wide, wide), nn.BatchNorm2d(wide)
        self.conv26 = conv(wide, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the corrected picture, B x 3 x H x W in (0, 1)."""
        condition = self.condition(self.edge(x))
        x = self.conv0(x)
        x = x + self.block1(self.sft1(F.relu(self.block0(self.sft0(x, condition))), condition))
        first = F.relu(self.bn3(self.conv3(x)))
        x = F.relu(self.bn4(self.conv4(first)))
        x = F.relu(self.bn5(self.conv5(x)) + first)
        x = F.relu(self.bn8(self.conv8(x)))
        second = F.relu(self.bn9(self.conv9(x)))
        x = F.relu(self.bn25(self.conv25(second)) + second)
        return torch.sigmoid(self.conv26(x))


class Lighten(nn.Module):
    """Lightening (sign 1) or darkening (sign -1) operation of the back-projection: decode(e + sign * offset(e))."""

    def __init__(self, hidden: int, sign: int) -> None:
        super().__init__()
        self.sign = sign
        self.encode = nn.Sequential(conv(3, hidden), nn.PReLU())
        self.offset = nn.Sequential(conv(hidden, hidden), nn.PReLU())
        self.decode = nn.Sequential(conv(hidden, 3), nn.PReLU())

    def forward(self, x: Tensor) -> Tensor:
        """Returns B x 3 x H x W."""
        code = self.encode(x)
        return self.decode(code + self.sign * self.offset(code))


class BackProjection(nn.Module):
    """Lightening back-projection (LBP, from DLN): lighten, darken again, and lighten what was lost on the way."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        squeeze = nn.Linear(3, 1, bias=False)
        self.weigh = nn.Sequential(squeeze, nn.ReLU(), nn.Linear(1, 3, bias=False), nn.Sigmoid())
        # One hidden unit behind a ReLU: where its weights begin negative, it is dead for every picture, as pictures are positive.
        with torch.no_grad():
            squeeze.weight.abs_()
        self.fuse = nn.Sequential(conv(3, 3, 1), nn.PReLU())
        self.lighten = Lighten(hidden, 1)
        self.darken = Lighten(hidden, -1)
        self.local = nn.Sequential(conv(3, 3, 1), nn.PReLU())
        self.lighten_rest = Lighten(hidden, 1)
        self._centre()

    def _centre(self) -> None:
        """Shifts the initial biases so that every activation sees both signs on a ramp of greys.

        With one hidden channel a PReLU would otherwise often see one sign for every picture: the block would be linear there
        and the slope would get no gradient.
        """

        def shift(layer: nn.Conv2d, _: tuple[Tensor, ...], output: Tensor) -> Tensor:
            mean = output.mean((0, 2, 3))
            if layer.bias is not None:
                layer.bias -= mean
            return output - mean[:, None, None]

        hooks = [layer.register_forward_hook(shift) for layer in self.modules() if isinstance(layer, nn.Conv2d)]
        with torch.no_grad():
            self(torch.linspace(0, 1, 64).square().view(1, 1, 8, 8).expand(1, 3, 8, 8))
        for hook in hooks:
            hook.remove()

    def forward(self, x: Tensor) -> Tensor:
        """Returns the residual that lightens `x`, B x 3 x H x W."""
        x = self.fuse(x * self.weigh(x.mean((2, 3)))[:, :, None, None] + x)
        return self.lighten_rest(self.local(x) - self.darken(self.lighten(x)))


class JCRNet(nn.Module):
    """The whole network.

    Args:
        width: factor on every hidden number of channels.
        projection: hidden channels of the back-projection.
        pixels: pictures larger than this are evaluated in strips where that is exact; instance norm, the pooled
            attention weights and the encoder-decoder between them see the whole picture.
    """

    def __init__(self, width: float = 1.0, projection: int = 1, pixels: int = PIXELS) -> None:
        super().__init__()
        self.pixels = pixels
        features = channels(40, width)
        act_step, act_attention = nn.PReLU(), nn.PReLU()  # one instance each, as the authors' default arguments make them
        self.step0 = Unfold(channels(64, width), act_step)
        self.shallow1 = nn.Sequential(conv(3, features, bias=False), ChannelAttention(features, act_attention, pixels))
        self.unet = EncoderDecoder(features, channels(60, width))
        self.sam_feature = conv(features, features, 1, bias=False)
        self.sam_image = conv(features, 3, 1, bias=False)
        self.illumination = Illumination(width)
        self.step6 = Unfold(channels(64, width), act_step)
        self.shallow7 = nn.Sequential(conv(3, features, bias=False), ChannelAttention(features, act_attention, pixels))
        self.tail = nn.Sequential(conv(2 * features, channels(56, width), bias=False), conv(channels(56, width), 3, bias=False))
        self.projection = BackProjection(projection)

    def stages(self, low: Tensor) -> tuple[Tensor, Tensor]:
        """Returns both supervised pictures, B x 3 x H x W, unclamped: the last one and the first stage's."""
        image = pad_to_multiple(low, 2)
        x = by_rows(self.step0, image, image, halo=4, pixels=self.pixels)
        decoded = self.unet(self.shallow1(x))
        feature = decoded + self.sam_feature(decoded)
        first = self.sam_image(decoded) + x
        del decoded
        corrected = by_rows(self.illumination, first, halo=Illumination.HALO, pixels=self.pixels)
        x = by_rows(self.step6, corrected, image, halo=4, pixels=self.pixels)
        tail = by_rows(lambda *parts: self.tail(torch.cat(parts, 1)), self.shallow7(x), feature, halo=2, pixels=self.pixels)
        return crop_to(tail + image + self.projection(image), low), crop_to(first, low)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]; the result is unclamped and of the same shape."""
        return self.stages(low)[0]
