"""The network of Fig. 2: shapes at 64, 32 and 16, auxiliary outputs, widths, kernels, sums."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from PDACScreeningLib.config import PAPER_SCALES, NetworkSpec
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork

NARROW = NetworkSpec(base_width=2)


def network(scale, spec=NARROW):
    torch.manual_seed(0)
    return SegmentationNetwork(scale, spec)


@pytest.mark.parametrize("scale", PAPER_SCALES, ids=lambda scale: f"{scale.patch_size}^3")
def test_every_output_has_the_size_of_the_input(scale):
    side = scale.patch_size
    outputs = network(scale).with_auxiliary(torch.randn(2, 1, side, side, side))
    assert len(outputs) == len(scale.loss_weights)
    assert all(output.shape == (2, 3, side, side, side) for output in outputs)


def test_the_64_network_has_two_auxiliary_heads_and_the_others_one():
    assert [len(network(scale).auxiliary_heads) for scale in PAPER_SCALES] == [2, 1, 1]


def test_auxiliary_heads_up_sample_with_one_and_two_deconvolutions():
    heads = network(PAPER_SCALES[0]).auxiliary_heads
    deconvolutions = [[m for m in head.modules() if isinstance(m, nn.ConvTranspose3d)] for head in heads]
    assert [len(found) for found in deconvolutions] == [1, 2]


def test_inference_does_not_touch_the_auxiliary_heads():
    net = network(PAPER_SCALES[0]).eval()
    image = torch.randn(1, 1, 64, 64, 64)
    before = net(image)
    for head in net.auxiliary_heads:
        nn.init.constant_(head[-1].weight, 1e6)
    assert torch.equal(net(image), before)


def test_kernels_and_strides_are_those_of_figure_2():
    layers = list(network(PAPER_SCALES[0]).modules())
    convolutions = [m for m in layers if isinstance(m, nn.Conv3d) and m.kernel_size != (1, 1, 1)]
    assert len(convolutions) == 14
    assert {(m.kernel_size, m.stride) for m in convolutions} == {((3, 3, 3), (1, 1, 1))}
    deconvolutions = [m for m in layers if isinstance(m, nn.ConvTranspose3d)]
    assert {(m.kernel_size, m.stride) for m in deconvolutions} == {((4, 4, 4), (2, 2, 2))}
    assert {(m.kernel_size, m.stride) for m in layers if isinstance(m, nn.MaxPool3d)} == {(2, 2)}


def test_batch_norm_and_relu_follow_every_convolution_and_deconvolution():
    layers = list(network(PAPER_SCALES[0]).modules())
    for kind in (nn.BatchNorm3d, nn.ReLU):
        assert (
            sum(isinstance(m, kind) for m in layers) == 14 + 3 + 3
        )  # convolutions, decoder and auxiliary deconvolutions


def test_the_paper_sized_network_has_7_4_million_parameters_without_auxiliary_heads():
    net = network(PAPER_SCALES[0], NetworkSpec())
    auxiliary = sum(p.numel() for p in net.auxiliary_heads.parameters())
    assert sum(p.numel() for p in net.parameters()) - auxiliary == pytest.approx(7.43e6, rel=0.01)


def test_decoder_adds_the_encoder_features():
    """With the deconvolutions silenced, what is left of the decoder's input is the encoder's features alone."""
    net = network(PAPER_SCALES[2]).eval()
    seen = {}
    net.conv7.register_forward_hook(lambda _m, inputs, _o: seen.update(into=inputs[0]))
    net.conv1.register_forward_hook(lambda _m, _i, output: seen.update(skip=output))
    net.deconv7.register_forward_hook(lambda _m, _i, output: torch.zeros_like(output))
    net(torch.randn(1, 1, 16, 16, 16))
    assert torch.equal(seen["into"], seen["skip"])


def test_prior_starts_every_head_at_the_class_frequencies():
    net = network(PAPER_SCALES[0])
    net.set_prior((0.9, 0.08, 0.02))
    for layer in (net.head, *(head[-1] for head in net.auxiliary_heads)):
        assert torch.allclose(layer.bias.softmax(0), torch.tensor([0.9, 0.08, 0.02]), atol=1e-6)


def by_hand(state, image):
    """Figure 2 written down once more, with functions: the main output in evaluation mode."""

    def bn_relu(values, name):
        parts = (state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return F.relu(F.batch_norm(values, *parts, training=False))

    def twice(values, name):
        for index in (0, 1):
            convolved = F.conv3d(values, state[f"{name}.{index}.0.weight"], padding=1)
            values = bn_relu(convolved, f"{name}.{index}.1")
        return values

    def up(values, name):
        return bn_relu(F.conv_transpose3d(values, state[f"{name}.0.weight"], stride=2, padding=1), f"{name}.1")

    level1 = twice(image, "conv1")
    level2 = twice(F.max_pool3d(level1, 2), "conv2")
    level3 = twice(F.max_pool3d(level2, 2), "conv3")
    bottom = twice(F.max_pool3d(level3, 2), "conv4")
    rising = twice(up(bottom, "deconv5") + level3, "conv5")  # the three red arrows are sums
    rising = twice(up(rising, "deconv6") + level2, "conv6")
    rising = twice(up(rising, "deconv7") + level1, "conv7")
    return F.conv3d(rising, state["head.weight"], state["head.bias"])


@pytest.mark.parametrize("scale", PAPER_SCALES, ids=lambda scale: f"{scale.patch_size}^3")
def test_the_network_computes_what_figure_2_says(scale):
    net = network(scale).double()
    for _ in range(3):  # so that batch normalization has statistics
        net.with_auxiliary(torch.randn(2, 1, 16, 16, 16, dtype=torch.float64))
    image = torch.randn(1, 1, 16, 16, 16, dtype=torch.float64)
    with torch.no_grad():
        assert torch.allclose(net.eval()(image), by_hand(net.state_dict(), image), rtol=1e-9, atol=1e-12)
