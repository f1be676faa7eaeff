"""The component filter (section 2.3): outliers away, without a parameter learned."""

import numpy as np
from scipy import ndimage

from PDACScreeningLib.config import ComponentFilter
from PDACScreeningLib.volume.arrays import LABELS_ZYX
from PDACScreeningLib.volume.box import bounding_box

SIX_NEIGHBORS = ndimage.generate_binary_structure(3, 1)


def filter_components(labels: LABELS_ZYX, components: ComponentFilter) -> LABELS_ZYX:
    """The post-processing of a configuration: `keep_large_components` with its number."""
    return keep_large_components(labels, min_fraction=components.min_fraction)


def keep_large_components(labels: LABELS_ZYX, *, min_fraction: float) -> LABELS_ZYX:
    """Set small foreground components to background (section 2.3).

    labels: (z, y, x) values of Label. Pancreas and tumor voxels form one graph ("each voxel is adjacent to 6
    neighbors"), so a tumor attached to the pancreas survives with it. A component stays if it is larger than
    `min_fraction` of the largest. Returns a new array; an all-background map comes back as it is.
    """
    box = bounding_box(labels)
    if box is None:
        return labels
    inside = labels[box.slices]  # most of a scan is background; labeling the box is ten times faster
    component, count = ndimage.label(inside, structure=SIX_NEIGHBORS)
    sizes = np.zeros(count + 1, np.int64)
    for plane in component:  # plane by plane, here and below: whole copies would be the peak of the memory
        sizes += np.bincount(plane.ravel(), minlength=count + 1)
    sizes[0] = 0  # background never competes
    keep = sizes > min_fraction * sizes.max()
    kept = np.zeros_like(labels)
    for target, source, plane in zip(kept[box.slices], inside, component, strict=True):
        np.multiply(source, keep[plane], out=target)
    return kept
