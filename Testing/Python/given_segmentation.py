"""A scan with a gland and a tumor whose label map another program made, with numbers of its own."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from screening_inputs import write_scan

SPACING_MM = 4.0
PANCREAS_BOX = (slice(8, 16), slice(14, 24), slice(14, 26))  # 960 voxels, 61 mL
TUMOR_BOX = (slice(10, 13), slice(16, 19), slice(16, 19))  # 27 voxels, 1728 mm3
FOREIGN = {"background": 0, "head": 1, "mass": 2, "tail": 3, "liver": 7}


def foreign_labels(*, tumor: bool = True) -> np.ndarray:
    """(z, y, x) uint8: pancreas in two parts (1, 3), tumor 2, and a liver that nobody asked for."""
    labels = np.zeros((24, 40, 40), np.uint8)
    labels[PANCREAS_BOX] = FOREIGN["head"]
    labels[PANCREAS_BOX][:, :, 6:] = FOREIGN["tail"]
    if tumor:
        labels[TUMOR_BOX] = FOREIGN["mass"]
    labels[2:5, 10:14, 8:12] = FOREIGN["liver"]
    return labels


def write_labels(path: Path, labels: np.ndarray, *, origin=(0.0, 0.0, 0.0), spacing_mm: float = SPACING_MM) -> Path:
    """A label map on the grid of `write_scan`."""
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing((spacing_mm,) * 3)
    image.SetOrigin(origin)
    sitk.WriteImage(image, str(path), True)
    return path


def write_layers(path: Path, layers: list[np.ndarray], segments: list[tuple[str, int, int]]) -> Path:
    """A `.seg.nrrd` as 3D Slicer writes it: layers (z, y, x), segments (name, layer, number); one layer is 3D."""
    z, y, x = layers[0].shape
    several = len(layers) > 1
    step = f"({SPACING_MM},0,0) (0,{SPACING_MM},0) (0,0,{SPACING_MM})"
    lines = [
        "NRRD0004",
        "type: unsigned char",
        f"dimension: {4 if several else 3}",
        "space: left-posterior-superior",
        f"sizes: {f'{len(layers)} ' if several else ''}{x} {y} {z}",
        f"space directions: {'none ' if several else ''}{step}",
        f"kinds: {'list ' if several else ''}domain domain domain",
        "encoding: raw",
        "space origin: (0,0,0)",
    ]
    for number, (name, layer, label) in enumerate(segments):
        fields = {"ID": f"Segment_{number}", "Name": name, "Layer": layer, "LabelValue": label}
        lines += [f"Segment{number}_{key}:={value}" for key, value in fields.items()]
    path.write_bytes("\n".join([*lines, "", ""]).encode() + np.stack(layers, axis=-1).tobytes())
    return path


def scan_file(folder: Path) -> Path:
    """The scan; its name is a patient's."""
    return write_scan(folder / "DOE_JANE.nii.gz")
