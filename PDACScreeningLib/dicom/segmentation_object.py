"""A label map as a DICOM segmentation, on the slices of its scan that hold any label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from highdicom import AlgorithmIdentificationSequence, PlanePositionSequence
from highdicom.color import CIELabColor
from highdicom.seg import Segmentation, SegmentDescription
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, RLELossless

from PDACScreeningLib.dicom.concepts import ARTIFICIAL_INTELLIGENCE, CATEGORY, PANCREAS, TYPE
from PDACScreeningLib.dicom.options import SegmentationKind
from PDACScreeningLib.dicom.segments import NumberedSegments, Segment
from PDACScreeningLib.dicom.statement import MAKER, Statement
from PDACScreeningLib.report.segment_terminology import segment_of
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label

_MOST_DESCRIPTION = 64
_FULL = 255  # of a fractional segmentation


def segmentation_object(
    statement: Statement,
    segments: NumberedSegments,
    geometry: Geometry,
    *,
    kind: SegmentationKind,
    edited: frozenset[int] = frozenset(),
) -> Segmentation:
    """Segments as an object of one instance. geometry: of the whole volume. edited: numbers that a reader changed.

    Only planes with a label are in it: 2 GiB of memory less for 600 slices. Raises ValueError without segments.
    """
    if not segments.segments:
        raise ValueError("a segmentation object needs a segment")
    descriptions = [_description(statement, segment, segment.number in edited) for segment in segments.segments]
    return Segmentation(
        **_place(statement, segments.planes, geometry),
        pixel_array=segments.numbers,
        segmentation_type=kind.upper(),
        fractional_type="OCCUPANCY",
        max_fractional_value=_FULL,
        segment_descriptions=descriptions,
        **statement.series("segmentation", 0),
        **_made_by(statement, "binary" if kind == "binary" else "compressed"),
        content_label="PDAC_SCREENING",
        series_description="PDAC screening, AI segmentation (research use only)",
    )


def probability_object(
    statement: Statement, probability: NDArray[np.float32], geometry: Geometry
) -> Segmentation | None:
    """The networks' output for the class tumor as a fractional segmentation of 8 bits; None where all of it is 0.

    probability: (z, y, x) in [0, 1] on the scan's own grid.
    """
    planes = np.flatnonzero([bool(plane.max() * _FULL >= 0.5) for plane in probability])
    if len(planes) == 0:
        return None
    held = range(int(planes[0]), int(planes[-1]) + 1)
    description = SegmentDescription(
        segment_number=1,
        segment_label="Network output for tumor",
        segmented_property_category=CATEGORY[Label.TUMOR],
        segmented_property_type=TYPE[Label.TUMOR],
        algorithm_type="AUTOMATIC",
        algorithm_identification=_algorithm(statement),
        anatomic_regions=[PANCREAS],
        tracking_uid=statement.key.uid("tracking", "probability"),
        tracking_id="Network output for tumor",
    )
    return Segmentation(
        **_place(statement, held, geometry),
        pixel_array=probability[held.start : held.stop],
        segmentation_type="FRACTIONAL",
        fractional_type="PROBABILITY",
        max_fractional_value=_FULL,
        segment_descriptions=[description],
        **statement.series("probability", 3),
        **_made_by(statement, "compressed"),
        content_label="PDAC_OUTPUT",
        series_description="PDAC screening, network output (research use only)",
    )


def _place(statement: Statement, planes: range, geometry: Geometry) -> dict[str, Any]:
    """The images that hold the planes, and where the planes lie when one multi-frame image holds all."""
    images: Sequence[Dataset] = statement.images
    if not statement.source.is_multi_frame:
        return {"source_images": images[planes.start : planes.stop]}
    origins = geometry.index_to_world(np.array([(z, 0, 0) for z in planes], np.float64))
    return {
        "source_images": images,
        "plane_positions": [PlanePositionSequence("PATIENT", [float(mm) for mm in origin]) for origin in origins],
    }


def _made_by(statement: Statement, storage: str) -> dict[str, Any]:
    syntax: UID = ExplicitVRLittleEndian if storage == "binary" else RLELossless
    return {
        "manufacturer": MAKER,
        "manufacturer_model_name": MAKER,
        "software_versions": statement.software,
        "device_serial_number": "none",
        "transfer_syntax_uid": syntax,
        "content_description": statement.notice[:_MOST_DESCRIPTION],
        "content_creator_name": statement.edit.reader if statement.edit else None,
    }


def _description(statement: Statement, segment: Segment, edited: bool) -> SegmentDescription:
    looks = segment_of(segment.label)
    label = f"Suspected mass {segment.finding.number}" if segment.finding else segment.name
    return SegmentDescription(
        segment_number=segment.number,
        segment_label=label,
        segmented_property_category=CATEGORY[segment.label],
        segmented_property_type=TYPE[segment.label],
        algorithm_type="SEMIAUTOMATIC" if edited else "AUTOMATIC",
        algorithm_identification=_algorithm(statement),
        anatomic_regions=[PANCREAS] if segment.label is Label.TUMOR else None,
        tracking_uid=statement.key.uid("tracking", segment.name),
        tracking_id=segment.name,
        display_color=CIELabColor.from_rgb(*looks.rgb),
    )


def _algorithm(statement: Statement) -> AlgorithmIdentificationSequence:
    name, _, value = statement.weights.partition("=")
    return AlgorithmIdentificationSequence(
        name=statement.algorithm,
        family=ARTIFICIAL_INTELLIGENCE,
        version=statement.version,
        source=MAKER,
        parameters={name: value} if value else None,
    )
