"""CTVolume <-> vtkMRMLScalarVolumeNode. Slicer's world is RAS, ours is LPS; the flip happens in this folder only.

Voxels stay in the node's own frame: a parent transform is not applied, results go under the same transform instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from PDACScreeningLib import atomic_file
from PDACScreeningLib.digests import voxels_sha256
from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.hounsfield import to_hounsfield
from PDACScreeningLib.screening_result import InputFacts
from PDACScreeningLib.volume.arrays import HU_ZYX
from PDACScreeningLib.volume.ct_volume import AIR_HU, CTVolume
from PDACScreeningLib.volume.geometry import XYZ, Direction, Geometry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from slicer import vtkMRMLScalarVolumeNode

    Digest = Callable[[vtkMRMLScalarVolumeNode], str | None]  # of a node's voxels; None = not known yet

RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0])
WHO = "The selected volume"  # errors may end up in logs, where a node's name could name a patient


def ct_volume_from_node(volume_node: vtkMRMLScalarVolumeNode) -> CTVolume:
    """The node's voxels as int16 HU on its own grid; padding below -1024 becomes -1024. A view where they are that.

    Raises InputRejected when there is no image, when it has several components or sheared axes, or when its numbers
    cannot be Hounsfield units.
    """
    return CTVolume(_hounsfield(volume_node), geometry_of(volume_node))


def _hounsfield(volume_node: vtkMRMLScalarVolumeNode) -> HU_ZYX:
    voxels = voxels_of(volume_node)
    if voxels.dtype == np.int16 and voxels.min() >= AIR_HU:
        return voxels
    return to_hounsfield(voxels, WHO).hu


def voxels_of(volume_node: vtkMRMLScalarVolumeNode) -> NDArray[Any]:
    """(z, y, x) numbers as the node stores them, as a view. Raises InputRejected without a scalar image."""
    image = volume_node.GetImageData()
    scalars = image.GetPointData().GetScalars() if image is not None else None
    if scalars is None or scalars.GetNumberOfTuples() == 0:
        raise InputRejected(f"{WHO} holds no image; load a CT")
    if scalars.GetNumberOfComponents() != 1:
        raise InputRejected(f"{WHO} is a color or vector image, not a CT; select the CT")
    x, y, z = image.GetDimensions()
    voxels: NDArray[Any] = vtk_to_numpy(scalars).reshape(z, y, x)
    return voxels


def geometry_of(volume_node: vtkMRMLScalarVolumeNode) -> Geometry:
    """The node's grid in LPS mm, without its parent transform, as reading its file without Slicer gives it.

    Raises InputRejected for sheared axes.
    """
    x, y, z = volume_node.GetImageData().GetDimensions()
    matrix = ijk_to_ras(volume_node)
    columns = RAS_FROM_LPS @ matrix[:3, :3]
    spacing_mm = np.linalg.norm(columns, axis=0)
    try:
        origin_mm, axes = RAS_FROM_LPS @ matrix[:3, 3], columns / spacing_mm
        return Geometry((z, y, x), _xyz(spacing_mm), _xyz(origin_mm), _nine(axes)).rounded()
    except ValueError as error:
        raise InputRejected(f"{WHO} has a geometry that cannot be screened: {error}") from error


def ijk_to_ras(volume_node: vtkMRMLScalarVolumeNode) -> NDArray[np.float64]:
    """(4, 4) matrix from voxel index (x, y, z) to RAS mm of the node's own frame."""
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def liters_of(volume_node: vtkMRMLScalarVolumeNode) -> float:
    """Size of the scanned field of view."""
    x, y, z = volume_node.GetSpacing()
    return float(volume_node.GetImageData().GetNumberOfPoints() * x * y * z / 1e6)


def write_input_file(volume_node: vtkMRMLScalarVolumeNode, path: Path) -> Path:
    """Write the CT as an uncompressed .mha for the child process; it carries voxels and geometry, nothing else.

    MetaImage keeps spacing, origin and direction apart and to the last digit; NRRD keeps their products. Slicer waits
    for this: no copy is made of the voxels, nothing is compressed, and the disk may take its time, since the file goes
    with the run. Raises InputRejected, WriteError.
    """
    ct = ct_volume_from_node(volume_node)

    def write(target: Path) -> None:
        with target.open("wb") as file:
            file.write(_metaimage_header(ct.geometry).encode("ascii"))
            for plane in ct.hu:
                file.write(np.ascontiguousarray(plane, "<i2").data)

    def verify(target: Path) -> None:
        if target.stat().st_size < ct.hu.nbytes:
            raise ValueError("the file is shorter than the voxels it should hold")

    return atomic_file.write_file(path, write, verify, durable=False)


def _metaimage_header(geometry: Geometry) -> str:
    """Of little-endian int16 voxels in the same file. MetaImage lists the direction of x, then of y, then of z."""
    lines = {
        "ObjectType": "Image",
        "NDims": 3,
        "BinaryData": True,
        "BinaryDataByteOrderMSB": False,
        "CompressedData": False,
        "TransformMatrix": _digits(geometry.axes.T.ravel().tolist()),
        "Offset": _digits(geometry.origin_mm),
        "ElementSpacing": _digits(geometry.spacing_mm),
        "DimSize": " ".join(map(str, geometry.shape[::-1])),
        "ElementType": "MET_SHORT",
        "ElementDataFile": "LOCAL",
    }
    return "".join(f"{name} = {value}\n" for name, value in lines.items())


def _digits(numbers: Iterable[float]) -> str:
    return " ".join(map(repr, numbers))


def node_voxels_sha256(volume_node: vtkMRMLScalarVolumeNode) -> str:
    """Digest of the node's Hounsfield units, of every voxel: 0.15 s for 400 slices. Raises InputRejected."""
    return voxels_sha256(_hounsfield(volume_node))


def is_same_image(
    volume_node: vtkMRMLScalarVolumeNode, facts: InputFacts, digest_of: Digest = node_voxels_sha256
) -> bool | None:
    """Whether the node still holds the voxels and the grid that were screened.

    digest_of: what tells the digest of a node's voxels; where it says None (not known yet), so does this.
    """
    try:
        if volume_node.GetImageData() is None or not geometry_of(volume_node).is_close(screened_geometry(facts)):
            return False
        digest = digest_of(volume_node)
    except InputRejected:
        return False
    return None if digest is None else digest == facts.voxels_sha256


def screened_geometry(facts: InputFacts) -> Geometry:
    """The grid that was screened."""
    return Geometry(facts.shape_zyx, facts.spacing_mm_xyz, facts.origin_lps_mm, facts.direction)


def _xyz(values: NDArray[np.float64]) -> XYZ:
    x, y, z = (float(value) for value in values)
    return (x, y, z)


def _nine(matrix: NDArray[np.float64]) -> Direction:
    a, b, c, d, e, f, g, h, i = (float(value) for value in matrix.ravel())
    return (a, b, c, d, e, f, g, h, i)
