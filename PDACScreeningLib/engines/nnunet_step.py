"""One nnU-Net on one image: cropped, normalized and resampled as it was trained, and its answer brought back.

image (z, y, x) HU --crop, normalize--> --resample--> network's grid --windows, folds--> logits --resample--> image
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from PDACScreeningLib.engines.nnunet_resampling import resampled, shape_at
from PDACScreeningLib.network.nnunet_model import HeadLabels, NnunetStep, Normalization
from PDACScreeningLib.volume.anatomy import STRUCTURES_BY_NAME
from PDACScreeningLib.volume.arrays import LABELS_ZYX, PROBABILITY_ZYX
from PDACScreeningLib.volume.box import ZYX, Box, bounding_box
from PDACScreeningLib.volume.geometry import XYZ
from PDACScreeningLib.volume.label_map import Label

_LEAST_STD = 1e-8
_SLAB_VOXELS = 2**22  # whose probabilities are held at once


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """What the network sees, and how to get back. `inner`, `spacing_mm`: in the order of the network's axes.

    data: (z, y, x) float32 on the network's grid. shape: of the image (z, y, x). inner: the part that is not 0 HU.
    """

    data: Tensor
    shape: ZYX
    inner: Box
    spacing_mm: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class StepAnswer:
    """On the image's own grid. labels: (z, y, x) values of Label. tumor_probability: (z, y, x) float32.

    structures: (z, y, x) values of Structure; None where the network sees no vessel and no duct.
    """

    labels: LABELS_ZYX
    tumor_probability: PROBABILITY_ZYX
    structures: LABELS_ZYX | None = None


def prepare(hu: NDArray[np.float32], spacing_mm_xyz: XYZ, step: NnunetStep) -> PreparedImage:
    """The image as the network was trained to see it. hu: (z, y, x) float32 Hounsfield units; stays as it is."""
    turned = _flipped(hu, step).transpose(step.transpose_forward)
    spacing_mm = tuple(spacing_mm_xyz[2 - axis] for axis in step.transpose_forward)
    inner = bounding_box(turned) or Box((0, 0, 0), turned.shape)
    data = _normalized(np.array(turned[inner.slices], np.float32, order="C"), step.normalization)
    shape = shape_at(data.shape, spacing_mm, step.spacing_mm)
    if min(shape) < 1:
        shape = tuple(max(1, length) for length in shape)
    on_grid = resampled(data[None], shape, spacing_mm, step.spacing_mm, step.image_resampling)[0]
    return PreparedImage(torch.from_numpy(np.ascontiguousarray(on_grid)), hu.shape, inner, spacing_mm)


def probabilities(logits: Tensor, image: PreparedImage, step: NnunetStep) -> Iterator[tuple[slice, Tensor]]:
    """Slabs (outputs, n, y, x) float32 of the part inside `image.inner`, in the order of the network's axes.

    logits: (outputs, z, y, x) float16 on the network's grid. Softmax, or sigmoid where outputs may overlap.
    """
    on_image = resampled(
        logits.numpy(), image.inner.shape, step.spacing_mm, image.spacing_mm, step.probability_resampling
    )
    depth = max(1, _SLAB_VOXELS // (image.inner.shape[1] * image.inner.shape[2]))
    for low in range(0, image.inner.shape[0], depth):
        slab = slice(low, min(low + depth, image.inner.shape[0]))
        found = torch.from_numpy(np.ascontiguousarray(on_image[:, slab])).float()
        yield slab, found.sigmoid() if step.labels.regions else found.softmax(0)


def answer_of(logits: Tensor, image: PreparedImage, step: NnunetStep) -> StepAnswer:
    """Pancreas and tumor of the whole image; outside `image.inner` there is nothing. logits: see `probabilities`."""
    turned = tuple(image.shape[axis] for axis in step.transpose_forward)
    labels, tumor = np.zeros(turned, np.uint8), np.zeros(turned, np.float32)
    anatomy = _structures(step.labels)
    structures = np.zeros(turned if step.labels.anatomy else (1, 1, 1), np.uint8)
    inner_labels, inner_tumor = labels[image.inner.slices], tumor[image.inner.slices]
    for slab, found in probabilities(logits, image, step):
        written = written_labels(found, step.labels)
        inner_labels[slab] = _our_labels(written, step.labels)
        inner_tumor[slab] = _tumor_probability(found, step.labels).numpy()
        if step.labels.anatomy:
            structures[image.inner.slices][slab] = anatomy[written]
    back = np.argsort(step.transpose_forward)
    return StepAnswer(
        np.ascontiguousarray(_flipped(labels.transpose(back), step)),
        np.ascontiguousarray(_flipped(tumor.transpose(back), step)),
        np.ascontiguousarray(_flipped(structures.transpose(back), step)) if step.labels.anatomy else None,
    )


def written_labels(found: Tensor, labels: HeadLabels) -> LABELS_ZYX:
    """(z, y, x) labels that nnU-Net itself would write for probabilities (outputs, z, y, x), by its own numbers."""
    if not labels.regions:
        most_likely: LABELS_ZYX = found.numpy().argmax(0).astype(np.uint8)
        return most_likely
    written = np.zeros(found.shape[1:], np.uint8)
    for probability, value in zip(found.numpy(), labels.values, strict=True):
        written[probability > 0.5] = value
    return written


def _tumor_probability(found: Tensor, labels: HeadLabels) -> Tensor:
    """Of several outputs that count as tumor, the sum where they exclude each other, else the highest."""
    heads = found[list(labels.tumor_heads)]
    if not len(heads):
        return torch.zeros(found.shape[1:])
    return heads.amax(0) if labels.regions else heads.sum(0).clamp(max=1.0)


def _our_labels(written: LABELS_ZYX, labels: HeadLabels) -> LABELS_ZYX:
    """The Label of each value that nnU-Net wrote; tumor goes before pancreas."""
    table = np.full(256, Label.BACKGROUND, np.uint8)
    table[list(labels.pancreas_values)] = Label.PANCREAS
    table[list(labels.tumor_values)] = Label.TUMOR
    ours: LABELS_ZYX = table[written]
    return ours


def _structures(labels: HeadLabels) -> LABELS_ZYX:
    """(256,) Structure of each value that nnU-Net may write; 0 for what is none."""
    table = np.zeros(256, np.uint8)
    for name, values in labels.anatomy:
        table[list(values)] = STRUCTURES_BY_NAME[name]
    return table


def _normalized(image: NDArray[np.float32], how: Normalization) -> NDArray[np.float32]:
    """In place, in float32."""
    if how.scheme == "none":
        return image
    mean, std = how.mean, how.std
    if how.scheme == "ct":
        np.clip(image, how.lower, how.upper, out=image)
    else:
        mean, std = image.mean(), image.std()
    image -= mean
    image /= max(std, _LEAST_STD)
    return image


def _flipped(array: NDArray[np.generic], step: NnunetStep) -> NDArray[np.generic]:
    """Turned within the slices where the network learned on images that are stored so; twice is as it was."""
    return array[:, ::-1, ::-1] if step.flip_in_plane else array
