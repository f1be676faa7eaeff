"""One label map of several files, each of which says where one structure is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from PDACScreeningLib.datasets.label_grid import labels_on_scan
from PDACScreeningLib.errors import DataError, InputRejected
from PDACScreeningLib.scan_files.byte_stream import read_planes
from PDACScreeningLib.scan_files.file_header import read_header
from PDACScreeningLib.scan_files.header_geometry import header_geometry
from PDACScreeningLib.scan_files.hounsfield import scaled
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.orientation import canonical_orientation

THRESHOLD = 0.5  # ones are stored as 1.0000000591, too


def read_binary_masks(folder: Path, masks: Sequence[tuple[str, Label]]) -> LabelMap:
    """The label map of the files of a folder, on the grid of the first one; a later mask wins where they overlap.

    masks: (name of the file, what it shows). A file without a voxel above 0.5 shows that the structure is absent; a
    file that is not there shows nothing. Files may store the same voxels in different orders of axes. Raises DataError
    for a missing file, InputRejected for a damaged one, GeometryMismatch for another grid.
    """
    missing = [name for name, _ in masks if not (folder / name).is_file()]
    if missing:
        raise DataError(f"{folder.name} has no {missing[0]}: without it nobody knows whether the structure is there")
    found: LabelMap | None = None
    for name, label in masks:
        mask = _read_mask(folder / name)
        found = mask if found is None else found
        here = labels_on_scan(mask, found.geometry).labels != 0
        canonical_orientation(found.geometry).to_canonical(found.labels)[here] = label  # a view of what is returned
    if found is None:
        raise ValueError("at least one mask is needed")
    return found


def _read_mask(path: Path) -> LabelMap:
    """Pancreas where the file is above 0.5."""
    header, _ = read_header(path)
    labels = np.empty(header.shape, np.uint8)
    for z, plane in enumerate(read_planes(header)):
        values = scaled(plane, header.slope, header.intercept)
        if not np.isfinite(values).all():
            raise InputRejected(f"{path.name} holds undefined voxels (NaN or infinite)")
        labels[z] = values > THRESHOLD
    return LabelMap(labels, header_geometry(header).geometry)
