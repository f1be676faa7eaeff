"""The weights of an imported nnU-Net, a file a fold, each the one that `model.json` names."""

from __future__ import annotations

import math
from pathlib import Path

from torch import Tensor

from PDACScreeningLib.digests import file_sha256
from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.network.dynamic_unet import expected_shapes
from PDACScreeningLib.network.nnunet_model import FoldFile, NnunetModel, UNetSpec
from PDACScreeningLib.network.weights_file import read_weights

_LEAST_BYTES = 4  # of an element
_UNFIT = "{file} in {folder} does not fit the network in model.json; import the model again"


def require_weights(folder: Path, model: NnunetModel) -> None:
    """Raise ModelError unless every file of weights is there, has its digest, and holds as much as its network needs.

    So no memory is taken for a network that `model.json` describes and no file holds.
    """
    for step in [model.fine] if model.coarse is None else [model.coarse.step, model.fine]:
        needed = _LEAST_BYTES * sum(math.prod(shape) for shape in expected_shapes(step.unet).values())
        for fold in step.folds:
            path = folder / fold.file
            _require_own(path, fold.sha256)
            if path.stat().st_size < needed:
                raise ModelError(_UNFIT.format(file=fold.file, folder=folder))


def fold_weights(folder: Path, fold: FoldFile, spec: UNetSpec) -> dict[str, Tensor]:
    """The tensors of one fold, on the CPU. Raises ModelError when they are not those of this model and network."""
    path = folder / fold.file
    _require_own(path, fold.sha256)
    tensors = read_weights(path)
    if {name: tuple(tensor.shape) for name, tensor in tensors.items()} != expected_shapes(spec):
        raise ModelError(_UNFIT.format(file=fold.file, folder=folder))
    return tensors


def _require_own(path: Path, sha256: str) -> None:
    try:
        found = file_sha256(path)
    except OSError as error:
        raise ModelError(f"{path.name} is missing in {path.parent}; import or copy the model again") from error
    if found != sha256:
        raise ModelError(
            f"{path.name} in {path.parent} is not the file that model.json describes; import or copy the model again"
        )
