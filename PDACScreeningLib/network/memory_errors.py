"""How torch says that memory did not suffice: it has one exception for it, and half a dozen sentences."""

from __future__ import annotations

import torch

# What the libraries below torch say, in lower case; their exceptions are RuntimeErrors like those of any mistake.
_SENTENCES = (
    "out of memory",  # CUDA, MPS, and "CUDA error: out of memory" of a GPU that other programs fill
    "can't allocate memory",  # torch's own allocator on processors
    "alloc_failed",  # CUDNN_STATUS_ALLOC_FAILED, CUBLAS_STATUS_ALLOC_FAILED
    "allocation_failed",  # cuDNN 9: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED
    "unable to find an engine",  # cuDNN, where no convolution's workspace fits
    "unable to find a valid cudnn algorithm",  # the same of older ones
)


def out_of_memory(error: RuntimeError) -> bool:
    """Whether an error of torch means that memory did not suffice."""
    said = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or any(sentence in said for sentence in _SENTENCES)
