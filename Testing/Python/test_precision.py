"""Which precision a training runs in, and that fp16 scales its gradients and resumes with its scale."""

from dataclasses import replace

import pytest
import torch
from small_store import small_store
from training_lives import tiny_run

from PDACScreeningLib.errors import Cancelled
from PDACScreeningLib.network.runtime import Runtime, resolve_device, resolve_training_device
from PDACScreeningLib.training.checkpoint_folder import CheckpointFolder
from PDACScreeningLib.training.trainer import train


def gpu(monkeypatch, *, has_bf16):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bf16)


@pytest.mark.parametrize(("has_bf16", "precision"), [(True, "bf16"), (False, "fp16")])
def test_a_gpu_without_bf16_trains_in_fp16(monkeypatch, has_bf16, precision):
    gpu(monkeypatch, has_bf16=has_bf16)
    assert resolve_training_device("auto") == Runtime("cuda", precision)


def test_a_precision_that_was_asked_for_is_taken(monkeypatch):
    gpu(monkeypatch, has_bf16=False)
    assert resolve_training_device("cuda", "fp32") == Runtime("cuda", "fp32")
    assert resolve_training_device("cpu", "fp16") == Runtime("cpu", "fp16")


def test_autocast_types():
    types = {precision: Runtime("cpu", precision).autocast_dtype for precision in ("fp32", "bf16", "fp16")}
    assert types == {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
    with pytest.raises(ValueError, match="precision must be one of"):
        Runtime("cpu", "fp8")


def test_fp16_scales_its_gradients_and_resumes_with_the_same_scale(tmp_path):
    store = small_store(tmp_path / "store")
    run = replace(tiny_run(tmp_path / "calm", iterations=4, checkpoint_every=2), runtime=Runtime("cpu", "fp16"))
    calm = train(run, store)
    assert calm.provenance["precision"] == "fp16"
    assert calm.scaler_state["scale"] >= 1
    assert calm.scaler_state["_growth_tracker"] >= 1

    def stop_after_three(progress):
        if progress.done == 3:
            raise Cancelled

    run = replace(run, folder=tmp_path / "stopped")
    with pytest.raises(Cancelled):
        train(run, store, stop_after_three)
    assert CheckpointFolder(run.folder).newest().scaler_state["_growth_tracker"] == 2
    resumed = train(run, store)
    assert resumed.scaler_state == calm.scaler_state
    assert all(torch.equal(calm.network_state[name], resumed.network_state[name]) for name in calm.network_state)


def test_fp32_needs_no_scale(tmp_path):
    run = tiny_run(tmp_path / "run", iterations=1, checkpoint_every=1)
    assert train(run, small_store(tmp_path / "store")).scaler_state == {}


@pytest.fixture
def a_gpu(monkeypatch):
    """torch says that there is an NVIDIA GPU; its settings are put back."""
    convolution, product = torch.backends.cudnn.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_options: True)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    yield
    torch.backends.cudnn.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision = convolution, product


def test_fp32_on_a_gpu_is_not_tf32(a_gpu):
    torch.backends.cudnn.conv.fp32_precision = torch.backends.cuda.matmul.fp32_precision = "tf32"
    assert resolve_device("cuda").precision == "bf16"  # near the rule fp32 answers, so it holds for every precision
    assert torch.backends.cudnn.conv.fp32_precision == "ieee"
    assert torch.backends.cuda.matmul.fp32_precision == "ieee"


def test_only_a_training_lets_cudnn_try_which_way_is_the_fastest(a_gpu):
    resolve_device("cuda")
    assert not torch.backends.cudnn.benchmark
    resolve_training_device("cuda")
    assert torch.backends.cudnn.benchmark
