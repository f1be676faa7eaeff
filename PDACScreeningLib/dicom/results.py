"""All DICOM objects of one result, as files of a result folder."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from highdicom.seg import Segmentation
from highdicom.sr import Comprehensive3DSR
from pydicom.dataset import Dataset

from PDACScreeningLib.dicom import concepts, object_files
from PDACScreeningLib.dicom.identifiers import result_key
from PDACScreeningLib.dicom.key_image_object import key_image_object
from PDACScreeningLib.dicom.options import DicomOptions, Edit
from PDACScreeningLib.dicom.report_object import report_object
from PDACScreeningLib.dicom.segmentation_object import probability_object, segmentation_object
from PDACScreeningLib.dicom.segments import NumberedSegments, numbered_segments
from PDACScreeningLib.dicom.statement import MAKER, Statement
from PDACScreeningLib.errors import DicomRefused
from PDACScreeningLib.report.key_images import key_image_sets
from PDACScreeningLib.scan_files.series_source import SeriesSource, require_same_slices
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.label_map import LabelMap
from PDACScreeningLib.volume.part import VolumePart

DicomFile = tuple[str, bytes]
_DEIDENTIFIED = ("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence")


@dataclass(frozen=True, eq=False)
class ResultVoxels:
    """What a result says of the voxels of its scan, in the order of the series. None where the outcome has none."""

    ct: CTVolume | None = None
    label_map: LabelMap | None = None
    probability: VolumePart[np.float32] | None = None


def dicom_files(
    screening: Screening,
    voxels: ResultVoxels,
    source: SeriesSource,
    options: DicomOptions,
    earlier: Dataset | None = None,
) -> tuple[DicomFile, ...]:
    """A result of the AI as (name, content) of files. There is always a report; the rest where something is labeled.

    earlier: the report of the same series, with fewer images, that this one replaces. Raises DicomRefused when the
    voxels do not lie on the images of the source, or when the earlier report is of another patient or study.
    """
    objects = _Objects(screening, voxels, source, options)
    return objects.files(predecessor=None if earlier is None else _same_study(earlier, source))


def _same_study(earlier: Dataset, source: SeriesSource) -> Comprehensive3DSR:
    """The earlier report as a value. Raises DicomRefused."""
    own = source.images[0]
    if any(str(earlier.get(name) or "") != str(own.get(name) or "") for name in ("PatientID", "StudyInstanceUID")):
        raise DicomRefused("the earlier report, which the new one replaces, is of another patient or study")
    try:
        return Comprehensive3DSR.from_dataset(earlier)
    except (ValueError, AttributeError, TypeError, KeyError, IndexError) as error:
        raise DicomRefused("the earlier report, which the new one replaces, cannot be read") from error


def edited_dicom_files(
    ai: tuple[Screening, LabelMap],
    screening: Screening,
    voxels: ResultVoxels,
    source: SeriesSource,
    options: DicomOptions,
    edit: Edit,
) -> tuple[DicomFile, ...]:
    """A result whose segments a reader changed: new objects that name the report of the AI as their predecessor.

    ai: the answer of the AI and its labels, as they were written as DICOM. screening, voxels: of the edited segments.
    Segments that the reader left alone stay AUTOMATIC. Raises ValueError when nothing was edited, DicomRefused.
    """
    before = _Objects(ai[0], ResultVoxels(label_map=ai[1]), source, options)
    after = _Objects(screening, voxels, source, options, edit)
    if _contents(before.segments) == _contents(after.segments):
        raise ValueError("the segments are those of the AI: nothing was edited")
    unchanged = _contents(before.segments)
    changed = frozenset(segment.number for segment in after.segments.segments if segment.voxels_sha256 not in unchanged)
    return after.files(changed, before.report(before.segmentation()))


class _Objects:
    """The objects of one result."""

    def __init__(
        self,
        screening: Screening,
        voxels: ResultVoxels,
        source: SeriesSource,
        options: DicomOptions,
        edit: Edit | None = None,
    ) -> None:
        self._voxels, self._options = voxels, options
        self.segments = NumberedSegments((), 0, np.zeros((0, 0, 0), np.uint8))
        if voxels.label_map is not None:
            require_same_slices(source, voxels.label_map.geometry)
            self.segments = numbered_segments(voxels.label_map, screening)
        key = result_key(
            screening,
            source.series_uid,
            source.instance_uids,
            self.segments.sha256 if self.segments.segments else "",
            edited_by=edit.reader if edit else "",
            storage=options.segmentation,
        )
        self._statement = Statement(screening, source, key, edit)

    def files(
        self, edited: frozenset[int] = frozenset(), predecessor: Comprehensive3DSR | None = None
    ) -> tuple[DicomFile, ...]:
        """Every object as a file, the report last."""
        segmentation = self.segmentation(edited)
        found: list[tuple[str, Dataset | None]] = [(object_files.SEGMENTATION, segmentation)]
        if self.segments.segments:
            found += self._captures()
            if self._options.probability:
                found.append((object_files.PROBABILITY, self._probability()))
            if self._options.key_objects:
                found.append((object_files.KEY_OBJECTS, self._key_objects()))
        found.append((object_files.REPORT, self.report(segmentation, predecessor)))
        return tuple((name, _content(self._finished(thing))) for name, thing in found if thing is not None)

    def _finished(self, thing: Dataset) -> Dataset:
        """An object with what highdicom leaves out: de-identification, and identifiers that are the same next time."""
        for keyword in _DEIDENTIFIED:
            if keyword in self._statement.images[0]:
                thing[keyword] = self._statement.images[0][keyword]
        organized = self._statement.key.uid("dimensions", str(thing.SOPInstanceUID))
        for item in (*thing.get("DimensionOrganizationSequence", ()), *thing.get("DimensionIndexSequence", ())):
            item.DimensionOrganizationUID = organized
        return thing

    def segmentation(self, edited: frozenset[int] = frozenset()) -> Segmentation | None:
        """None where nothing is labeled."""
        label_map = self._voxels.label_map
        if label_map is None or not self.segments.segments:
            return None
        kind = self._options.segmentation
        return segmentation_object(self._statement, self.segments, label_map.geometry, kind=kind, edited=edited)

    def report(
        self, segmentation: Segmentation | None, predecessor: Comprehensive3DSR | None = None
    ) -> Comprehensive3DSR:
        """For every outcome."""
        return report_object(self._statement, segmentation, self.segments, predecessor=predecessor)

    def _captures(self) -> list[tuple[str, Dataset | None]]:
        ct, findings = self._voxels.ct, self._statement.screening.findings
        if ct is None:
            return []
        images = [image for one in key_image_sets(ct, self._voxels.label_map, findings) for image in one.images]
        return [
            (name, key_image_object(self._statement, image, number))
            for number, (name, image) in enumerate(zip(object_files.KEY_IMAGES, images, strict=False), start=1)
        ]

    def _probability(self) -> Segmentation | None:
        ct, probability = self._voxels.ct, self._voxels.probability
        if ct is None or probability is None:
            return None
        return probability_object(self._statement, probability.whole(), ct.geometry)

    def _key_objects(self) -> KeyObjectSelectionDocument | None:
        """The slices through the findings, for viewers that mark them; None without findings."""
        label_map, images = self._voxels.label_map, self._statement.images
        findings = self._statement.screening.findings
        if label_map is None or not findings or self._statement.source.is_multi_frame:
            return None
        planes = {round(float(label_map.geometry.world_to_index(finding.inside_lps_mm)[0])) for finding in findings}
        chosen = [images[min(max(plane, 0), len(images) - 1)] for plane in sorted(planes)]
        return KeyObjectSelectionDocument(
            evidence=chosen,
            content=KeyObjectSelection(
                document_title=concepts.OF_INTEREST, referenced_objects=chosen, description=self._statement.notice
            ),
            **self._statement.series("key objects", 4),
            manufacturer=MAKER,
        )


def _contents(segments: NumberedSegments) -> set[str]:
    return {segment.voxels_sha256 for segment in segments.segments}


def _content(thing: Dataset) -> bytes:
    buffer = io.BytesIO()
    thing.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
