"""StableLLVE: a U-Net of ReLU convolutions, bilinear on the way up."""

from __future__ import annotations

from torch import Tensor, nn

from lle.nn.unet import UNet, conv_relu


class Network(nn.Module):
    """The U-Net, without an activation at its end.

    Args:
        width: channels at full size.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.unet = UNet(3, 3, [width * 2**k for k in range(5)], conv_relu, rise="plain")
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]; the result is not bounded."""
        return self.unet(low)
