"""Series and image numbers of a volume that was loaded from Slicer's DICOM database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PDACScreeningLib.image_numbers import slice_at, small_number, with_image_numbers
from PDACScreeningLib.mrml.ct_volume_node import geometry_of
from PDACScreeningLib.screening_result import Screening

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode

    ValueOf = Callable[[str, str], str]  # SOP instance UID and tag -> value, empty where there is none

INSTANCES = "DICOM.instanceUIDs"  # the attribute in which Slicer's DICOM module lists the slices of a volume
SERIES_NUMBER, IMAGE_NUMBER, POSITION = "0020,0011", "0020,0013", "0020,0032"


def with_numbers_of_dicom(screening: Screening, volume_node: vtkMRMLScalarVolumeNode, value_of: ValueOf) -> Screening:
    """The screening with the numbers that the headers of the volume's slices tell; as it is for another volume.

    A slice is found by the place its header tells, not by its turn in the list.
    """
    instances = (volume_node.GetAttribute(INSTANCES) or "").split()
    if not instances:
        return screening
    grid = geometry_of(volume_node)
    by_slice: dict[int, str] = {}
    for instance in instances if screening.findings else ():
        try:
            x, y, z = (float(mm) for mm in value_of(instance, POSITION).split("\\"))
        except ValueError:
            continue
        index = slice_at((x, y, z), grid)
        if index is not None:
            by_slice[index] = instance

    def image_number(index: int) -> int | None:
        return small_number(value_of(by_slice[index], IMAGE_NUMBER)) if index in by_slice else None

    return with_image_numbers(screening, small_number(value_of(instances[0], SERIES_NUMBER)), image_number)
