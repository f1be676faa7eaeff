"""The 3D deeply-supervised segmentation network of Fig. 2. One class, and a spec for 64^3, 32^3 and 16^3.

Fig. 2: "Each convolution uses 3x3x3 kernels with a stride of 1, each pooling 2x2x2 with a stride of 2, and each
deconvolution 4x4x4 with a stride of 2. Batch-normalization and ReLU activation are used after each convolution and
deconvolution." Red arrows (residual connections) are sums. For 32^3 and 16^3 "all volumes are shrunk accordingly".
"""

import torch
from torch import Tensor, nn

from PDACScreeningLib.config import NUM_CLASSES, NetworkSpec, ScaleSpec


def _activation(negative_slope: float) -> nn.Module:
    return nn.ReLU(inplace=True) if negative_slope == 0 else nn.LeakyReLU(negative_slope, inplace=True)


def convolution(channels_in: int, channels_out: int, negative_slope: float) -> nn.Sequential:
    """3x3x3, stride 1: the side stays."""
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, kernel_size=3, padding=1, bias=False),  # the bias would vanish in BN
        nn.BatchNorm3d(channels_out),
        _activation(negative_slope),
    )


def deconvolution(channels_in: int, channels_out: int, negative_slope: float) -> nn.Sequential:
    """4x4x4, stride 2: the side doubles."""
    return nn.Sequential(
        nn.ConvTranspose3d(channels_in, channels_out, kernel_size=4, stride=2, padding=1, bias=False),
        nn.BatchNorm3d(channels_out),
        _activation(negative_slope),
    )


class SegmentationNetwork(nn.Module):
    """Encoder-decoder with long residual sums and auxiliary heads that only training uses.

    The input is (n, 1, z, y, x) normalized intensities with every side a multiple of 8; logits are
    (n, 3, z, y, x) for background, pancreas and tumor. `scale.loss_weights` says how many auxiliary heads there are:
    two for the 64^3 network, one for the others.
    """

    def __init__(self, scale: ScaleSpec, spec: NetworkSpec) -> None:
        super().__init__()
        self.scale, self.spec = scale, spec
        w, slope = spec.base_width, spec.negative_slope
        # Sides for 64^3 in the comments; 32^3 and 16^3 are halves and quarters.
        self.conv1 = nn.Sequential(convolution(1, w, slope), convolution(w, w, slope))  # 64
        self.conv2 = nn.Sequential(convolution(w, 2 * w, slope), convolution(2 * w, 2 * w, slope))  # 32
        self.conv3 = nn.Sequential(convolution(2 * w, 4 * w, slope), convolution(4 * w, 4 * w, slope))  # 16
        self.conv4 = nn.Sequential(convolution(4 * w, 8 * w, slope), convolution(8 * w, 8 * w, slope))  # 8
        self.deconv5 = deconvolution(8 * w, 4 * w, slope)  # 8 -> 16
        self.conv5 = nn.Sequential(convolution(4 * w, 4 * w, slope), convolution(4 * w, 4 * w, slope))
        self.deconv6 = deconvolution(4 * w, 2 * w, slope)  # 16 -> 32
        self.conv6 = nn.Sequential(convolution(2 * w, 2 * w, slope), convolution(2 * w, 2 * w, slope))
        self.deconv7 = deconvolution(2 * w, w, slope)  # 32 -> 64
        self.conv7 = nn.Sequential(convolution(w, w, slope), convolution(w, w, slope))
        self.head = nn.Conv3d(w, NUM_CLASSES, kernel_size=1)
        self.pool = nn.MaxPool3d(kernel_size=2, stride=2)
        # "first up-sampling the cube to the output size via deconvolution, followed by a 1x1x1 convolution"
        self.auxiliary_heads = nn.ModuleList()
        if len(scale.loss_weights) >= 2:  # auxiliary #1 on conv2
            self.auxiliary_heads.append(
                nn.Sequential(deconvolution(2 * w, w, slope), nn.Conv3d(w, NUM_CLASSES, kernel_size=1))
            )
        if len(scale.loss_weights) == 3:  # auxiliary #2 on conv3
            self.auxiliary_heads.append(
                nn.Sequential(
                    deconvolution(4 * w, 2 * w, slope),
                    deconvolution(2 * w, w, slope),
                    nn.Conv3d(w, NUM_CLASSES, kernel_size=1),
                )
            )

    def forward(self, image: Tensor) -> Tensor:
        """Logits (n, 3, z, y, x) of the main head."""
        return self._main_and_encoder(image)[0]

    def with_auxiliary(self, image: Tensor) -> list[Tensor]:
        """Logits of auxiliary #1, (auxiliary #2,) and the main head, in the order of `scale.loss_weights`."""
        main, features2, features3 = self._main_and_encoder(image)
        features = (features2, features3)
        auxiliary = [head(feature) for head, feature in zip(self.auxiliary_heads, features, strict=False)]
        return [*auxiliary, main]

    def set_prior(self, class_frequencies: tuple[float, float, float]) -> None:
        """Start every head at the log class frequencies, so that training need not first unlearn a uniform guess."""
        log_prior = torch.log(torch.tensor(class_frequencies).clamp_min(1e-4))
        last_layers = [self.head, *(head[-1] for head in self.auxiliary_heads)]  # type: ignore[index]  # Sequential
        with torch.no_grad():
            for layer in last_layers:
                layer.bias.copy_(log_prior)

    def _main_and_encoder(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features1 = self.conv1(image)
        features2 = self.conv2(self.pool(features1))
        features3 = self.conv3(self.pool(features2))
        bottom = self.conv4(self.pool(features3))
        up = self.conv5(self.deconv5(bottom) + features3)
        up = self.conv6(self.deconv6(up) + features2)
        up = self.conv7(self.deconv7(up) + features1)
        return self.head(up), features2, features3
