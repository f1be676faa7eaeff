"""Networks made ready to answer: batch normalization folded, memory that runs out, windows of any size."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_network import air
from torch import nn

from PDACScreeningLib.config import PAPER_SCALES, NetworkSpec, ScreeningConfig, WindowSpec
from PDACScreeningLib.inference.coarse_to_fine import most_likely_labels
from PDACScreeningLib.inference.sliding_window import Workspace, scan
from PDACScreeningLib.network.memory_errors import out_of_memory
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.network.window_predictor import WindowPredictor, folded
from PDACScreeningLib.progress import ignore_progress

FP32 = Runtime("cpu", "fp32")
REACH = 61  # voxels on either side that an answer can depend on: the receptive field of the four levels


def network(width=4, scale=PAPER_SCALES[2]):
    """A network whose batch normalizations are no identities and whose answers are not all the same class."""
    torch.manual_seed(0)
    net = SegmentationNetwork(replace(scale, loss_weights=(1.0,)), NetworkSpec(base_width=width))
    for module in net.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    net.eval()
    with torch.no_grad():
        logits = net(torch.randn(1, 1, 32, 32, 32))
        mean = logits.mean(dim=(0, 2, 3, 4), keepdim=True)
        spread = (logits - mean).std()
        net.head.bias.copy_((net.head.bias - mean.flatten()) / spread)
        net.head.weight.div_(spread)
    return net


def windows(count=2, side=16):
    return np.random.default_rng(0).normal(size=(count, side, side, side)).astype(np.float32)


def test_a_folded_network_answers_the_same_up_to_rounding_without_a_batch_normalization():
    net, image = network(), torch.from_numpy(windows()[:, None])
    short = folded(net)
    with torch.inference_mode():
        assert torch.allclose(short(image), net(image), atol=1e-5)
    assert not any(isinstance(module, nn.BatchNorm3d) for module in short.modules())
    assert sum(isinstance(module, nn.BatchNorm3d) for module in net.modules()) == 17  # 14 convolutions, 3 decoder


def test_a_network_in_training_is_not_folded():
    with pytest.raises(ValueError, match="training mode"):
        folded(network().train())


def test_no_answer_depends_on_a_voxel_farther_away_than_the_receptive_field():
    """NaN spreads to everything that depends on it, whatever the weights."""
    image = torch.zeros(1, 1, 16, 16, 176)
    image[..., 88] = torch.nan
    with torch.inference_mode():
        touched = torch.isnan(network(width=1)(image))[0, 0, 8, 8].nonzero()[:, 0]
    assert 88 - touched.min() <= REACH
    assert touched.max() - 88 <= REACH
    assert touched.max() - touched.min() >= 100  # it does reach far


def assert_same_labels(one, other):
    """Probabilities agree up to rounding, and labels wherever the two most likely classes are farther apart."""
    np.testing.assert_allclose(one, other, atol=1e-4)
    probabilities = np.sort(np.stack([1 - other.sum(axis=0), *other]), axis=0)
    decided = probabilities[2] - probabilities[1] > 1e-3
    labels = most_likely_labels(other)
    assert np.array_equal(most_likely_labels(one)[decided], labels[decided])
    assert decided.mean() > 0.99
    assert len(np.unique(labels)) == 3


def scanned(hu, size, margin, runtime=FP32):
    scale = replace(PAPER_SCALES[2], loss_weights=(1.0,))
    spec = WindowSpec(size, size - 2 * margin, margin)
    predictor = WindowPredictor(network(), runtime)
    return scan(hu, predictor, scale, ScreeningConfig(), stage="", on_progress=ignore_progress, windows=spec).foreground


@pytest.mark.parametrize("size", [136, 192])
def test_large_windows_give_the_same_labels_for_any_size_when_the_margin_covers_the_receptive_field(size):
    hu = np.random.default_rng(1).integers(-100, 240, (16, 16, 250), dtype=np.int16)
    whole, tiled = scanned(hu, 256, 64), scanned(hu, size, 64)
    assert_same_labels(tiled, whole)


@pytest.mark.parametrize("spec", [WindowSpec(16, 5), WindowSpec(32, 24, 4)])
def test_sums_on_the_device_are_bit_by_bit_those_of_numpy(spec):
    hu = np.random.default_rng(3).integers(-1000, 240, (27, 16, 60), dtype=np.int16)
    predictor, scale = WindowPredictor(network(), FP32), PAPER_SCALES[2]

    class OnlyCallable:
        batch_size = predictor.batch_size

        def __call__(self, batch):
            return predictor(batch)

    assert isinstance(predictor, Workspace)
    assert not isinstance(OnlyCallable(), Workspace)
    both = [
        scan(hu, way, scale, ScreeningConfig(), stage="", on_progress=ignore_progress, windows=spec).foreground
        for way in (predictor, OnlyCallable())
    ]
    assert np.array_equal(*both)


def test_sums_that_do_not_fit_the_device_are_kept_beside_the_processors(monkeypatch):
    predictor = WindowPredictor(network(), FP32)
    expected = scanned_with(predictor)

    def full(tensor, device):
        raise torch.OutOfMemoryError(f"fake {device} is full")

    with monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "to", full)
        placed = predictor.place(windows())
    assert placed.device.type == "cpu"
    assert predictor.memory_steps == ["16^3 network: sums outside the memory of cpu"]
    assert np.array_equal(scanned_with(predictor), expected)


def scanned_with(predictor):
    hu = np.random.default_rng(4).integers(-100, 240, (16, 16, 40), dtype=np.int16)
    return scan(hu, predictor, PAPER_SCALES[2], ScreeningConfig(), stage="", on_progress=ignore_progress).foreground


@pytest.mark.parametrize("memory_gib", [1e-6, 2e-3])
def test_every_memory_setting_gives_the_same_labels(memory_gib):
    hu = np.random.default_rng(2).integers(-100, 240, (16, 16, 80), dtype=np.int16)
    usual = scanned(hu, 32, 4)
    small = scanned(hu, 32, 4, Runtime("cpu", "fp32", memory_gib))
    assert_same_labels(small, usual)


def test_less_memory_means_fewer_windows_at_once_but_never_none():
    sizes = [WindowPredictor(network(), Runtime("cpu", "fp32", gib)).batch_size for gib in (None, 1e-3, 1e-9)]
    # 64 windows of 16^3 at once; 4 channels of 4 bytes, 7 alive: 2^30 / 1000 / 112 voxels, 4096 a window
    assert sizes == [64, 2, 1]


FORMS_OF_OUT_OF_MEMORY = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 8 GiB"),
    torch.AcceleratorError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("GET was unable to find an engine to execute this computation"),
    RuntimeError("FIND was unable to find an engine to execute this computation"),
    RuntimeError("Unable to find a valid cuDNN algorithm to run convolution"),
    RuntimeError("MPS backend out of memory (MPS allocated: 9.06 GB)"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
)


@pytest.mark.parametrize("error", FORMS_OF_OUT_OF_MEMORY, ids=lambda error: str(error)[:40])
def test_every_way_to_say_that_memory_is_short_steps_down_the_ladder(error):
    usual, short = WindowPredictor(network(), FP32), WindowPredictor(network(), FP32)
    inner, seen = short._network, []

    def first_too_much(image):
        seen.append(len(image))
        if len(image) > 2:
            raise error
        return inner(image)

    short._network = first_too_much
    np.testing.assert_allclose(short(windows(4)), usual(windows(4)), atol=1e-5)
    assert seen == [4, 2, 2]
    assert short.memory_steps == ["16^3 network: 2 instead of 4 windows at once on cpu"]


@pytest.mark.parametrize(
    "said", ["CUDA error: an illegal memory access was encountered", "CUDNN_STATUS_NOT_INITIALIZED", "size mismatch"]
)
def test_other_errors_of_a_gpu_are_errors(said):
    assert not out_of_memory(RuntimeError(said))


class OutOfMemoryAbove:
    """Stands for a network on a device that holds only so many windows of 16^3."""

    def __init__(self, inner, windows):
        self.inner, self.windows, self.batches = inner, windows, []

    def __call__(self, image):
        self.batches.append(len(image))
        if len(image) > self.windows:
            raise torch.OutOfMemoryError("fake GPU is full")
        return self.inner(image)


def test_when_memory_runs_out_fewer_windows_go_at_once_with_the_same_answer():
    usual, short = WindowPredictor(network(), FP32), WindowPredictor(network(), FP32)
    short._network = OutOfMemoryAbove(short._network, windows=3)
    np.testing.assert_allclose(short(windows(10)), usual(windows(10)), atol=1e-5)
    assert short._network.batches == [10, 5, 2, 2, 2, 2, 2]
    assert short.memory_steps == [
        "16^3 network: 5 instead of 10 windows at once on cpu",
        "16^3 network: 2 instead of 5 windows at once on cpu",
    ]
    assert short.batch_size == 2  # stays there


def test_when_not_one_window_fits_the_gpu_the_processors_take_over(monkeypatch):
    usual, short = WindowPredictor(network(), FP32), WindowPredictor(network(), FP32)
    short.runtime = Runtime("mps", "fp32")  # an Apple GPU that is always full
    on_processors = WindowPredictor._evaluated

    def evaluated(predictor, batch):
        if predictor.runtime.device == "mps":
            raise torch.OutOfMemoryError("fake GPU is full")
        return on_processors(predictor, batch)

    monkeypatch.setattr(WindowPredictor, "_evaluated", evaluated)
    assert np.array_equal(short(windows(2)), usual(windows(2)))
    assert short.memory_steps == [
        "16^3 network: 1 instead of 2 windows at once on mps",
        "16^3 network: processors instead of mps",
    ]


def test_no_memory_for_one_window_on_the_processors_is_a_memory_error():
    predictor = WindowPredictor(network(), FP32)
    predictor._network = OutOfMemoryAbove(predictor._network, windows=0)
    with pytest.raises(MemoryError, match="one window of 4096 voxels"):
        predictor(windows(1))


def test_other_errors_of_the_network_are_not_taken_for_missing_memory():
    predictor = WindowPredictor(network(), FP32)
    with pytest.raises(RuntimeError, match="size"):
        predictor(windows(1, side=12))
    assert predictor.memory_steps == []


def test_a_scan_of_air_is_never_handed_over():
    predictor = WindowPredictor(network(), FP32)
    predictor._network = OutOfMemoryAbove(predictor._network, windows=0)
    scale = PAPER_SCALES[2]
    result = scan(air((16, 16, 40)), predictor, scale, ScreeningConfig(), stage="", on_progress=ignore_progress)
    assert predictor._network.batches == []
    assert not result.foreground.any()
