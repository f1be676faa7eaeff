"""The answer as a structured report (TID 1500): outcome, score and rule for the scan, measurements for each finding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from highdicom import sr
from highdicom.seg import Segmentation
from pydicom.sr.codedict import codes

from PDACScreeningLib.dicom import concepts
from PDACScreeningLib.dicom.identifiers import stable_uid
from PDACScreeningLib.dicom.segments import NumberedSegments, Segment
from PDACScreeningLib.dicom.statement import MAKER, Statement
from PDACScreeningLib.screening_result import Finding, Screening
from PDACScreeningLib.volume.label_map import Label

_Group = sr.VolumetricROIMeasurementsAndQualitativeEvaluations | sr.MeasurementsAndQualitativeEvaluations
_MOST_TEXT = 1024
_NO_VOXEL = "Finding {} has no voxel on the scan's own grid and therefore no segment."


def report_object(
    statement: Statement,
    segmentation: Segmentation | None,
    segments: NumberedSegments | None,
    *,
    predecessor: sr.Comprehensive3DSR | None = None,
) -> sr.Comprehensive3DSR:
    """The report of a screening, for every outcome. segmentation: with the segments; None where nothing is labeled.

    predecessor: the report that this one replaces. Slices are named as evidence but not described one by one: that
    would take 4 KB a slice.
    """
    who = sr.AlgorithmIdentification(
        name=statement.algorithm, version=statement.version, parameters=[statement.weights]
    )
    content = sr.MeasurementReport(
        observation_context=_observers(statement),
        procedure_reported=[concepts.CT_PROCEDURE],
        imaging_measurements=_Groups(statement, segmentation, segments, who).all(),
        title=codes.DCM.ImagingMeasurementReport,
    )
    return sr.Comprehensive3DSR(
        evidence=[*statement.images, *([segmentation] if segmentation is not None else [])],
        content=content,
        **statement.series("report", 1),
        manufacturer=MAKER,
        is_complete=True,
        is_final=False,
        is_verified=False,
        manufacturer_model_name=MAKER,
        software_versions=statement.software,
        device_serial_number="none",
        series_description="PDAC screening, AI report (research use only)",
        previous_versions=[predecessor] if predecessor is not None else None,
    )


class _Groups:
    """The measurement groups of a report: the scan as a whole, then each finding."""

    def __init__(
        self,
        statement: Statement,
        segmentation: Segmentation | None,
        segments: NumberedSegments | None,
        who: sr.AlgorithmIdentification,
    ) -> None:
        self._statement, self._segmentation, self._who = statement, segmentation, who
        self._segments = segments.segments if segments is not None else ()
        self._screening: Screening = statement.screening

    def all(self) -> list[_Group]:
        """The scan first."""
        rest = [segment for segment in self._segments if segment.label is Label.TUMOR]
        return [self._scan(), *(self._tumor(segment) for segment in rest)]

    def _scan(self) -> _Group:
        """On the segment of the pancreas, which is what was looked for; on nothing where none was found."""
        pancreas = next((segment for segment in self._segments if segment.label is Label.PANCREAS), None)
        outcome = self._screening.outcome
        evaluations = [
            sr.QualitativeEvaluation(concepts.SUMMARY, concepts.summary_concept(outcome)),
            sr.QualitativeEvaluation(concepts.OUTCOME, concepts.outcome_concept(outcome)),
        ]
        group = self._group(pancreas, concepts.PANCREAS, None, self._scan_measurements(pancreas), evaluations)
        for text in self._comments():
            group[0].ContentSequence.append(_comment(text))
        return group

    def _scan_measurements(self, pancreas: Segment | None) -> list[sr.Measurement]:
        screening, measured = self._screening, []
        if screening.score is not None:
            measured.append(self._measurement(concepts.SCORE, screening.score, concepts.FROM_0_TO_1))
        if pancreas is not None:
            measured.append(self._measurement(concepts.VOLUME, pancreas.volume_mm3, concepts.MM3))
        if screening.tumor_voxels is not None and screening.protocol is not None:
            least = screening.protocol.decision.min_tumor_voxels
            measured.append(self._measurement(concepts.RULE_VOXELS, screening.tumor_voxels, concepts.VOXELS))
            measured.append(self._measurement(concepts.RULE_THRESHOLD, least, concepts.VOXELS))
        return measured

    def _comments(self) -> list[str]:
        screening = self._screening
        shown = {segment.finding.number for segment in self._segments if segment.finding is not None}
        unseen = [finding for finding in screening.findings if finding.number not in shown]
        return [
            self._statement.notice,
            screening.reason,
            *screening.warnings,
            *(_NO_VOXEL.format(finding.number) for finding in unseen),
        ]

    def _tumor(self, segment: Segment) -> _Group:
        measured = [self._measurement(concepts.VOLUME, segment.volume_mm3, concepts.MM3)]
        if segment.finding is not None:
            measured += self._finding_measurements(segment.finding)
        return self._group(segment, concepts.MASS, concepts.CATEGORY[Label.TUMOR], measured, None)

    def _finding_measurements(self, finding: Finding) -> list[sr.Measurement]:
        measured = [
            self._measurement(concepts.RULE_VOLUME, finding.volume_mm3, concepts.MM3),
            self._measurement(concepts.DIAMETER, finding.longest_diameter_mm, concepts.MM),
            sr.Measurement(
                concepts.ATTENUATION,
                finding.mean_hu,
                concepts.HOUNSFIELD,
                derivation=concepts.MEAN,
                algorithm_id=self._who,
            ),
        ]
        if finding.mean_tumor_probability is not None:
            mean = self._measurement(concepts.NETWORK_OUTPUT, finding.mean_tumor_probability, concepts.FROM_0_TO_1)
            measured.append(mean)
        return measured

    def _measurement(self, name: sr.CodedConcept, value: float, unit: sr.CodedConcept) -> sr.Measurement:
        return sr.Measurement(name, value, unit, algorithm_id=self._who)

    def _group(
        self,
        segment: Segment | None,
        finding_type: sr.CodedConcept,
        category: sr.CodedConcept | None,
        measurements: Sequence[sr.Measurement],
        evaluations: Sequence[sr.QualitativeEvaluation] | None,
    ) -> _Group:
        """A group about a segment (TID 1411); about the whole scan where there is none (TID 1501)."""
        name = segment.name if segment is not None else "Screening"
        shared: dict[str, Any] = {
            "tracking_identifier": sr.TrackingIdentifier(self._statement.key.uid("tracking", name), name),
            "finding_type": finding_type,
            "finding_category": category,
            "finding_sites": [sr.FindingSite(concepts.PANCREAS)],
            "algorithm_id": self._who,
            "measurements": list(measurements) or None,
            "qualitative_evaluations": evaluations,
        }
        if segment is None or self._segmentation is None:
            return sr.MeasurementsAndQualitativeEvaluations(**shared)
        place = sr.ReferencedSegment(
            sop_class_uid=self._segmentation.SOPClassUID,
            sop_instance_uid=self._segmentation.SOPInstanceUID,
            segment_number=segment.number,
            source_series=sr.SourceSeriesForSegmentation(self._statement.source.series_uid),
        )
        return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=place, **shared)


def _comment(text: str) -> sr.TextContentItem:
    return sr.TextContentItem(concepts.COMMENT, text[:_MOST_TEXT], sr.RelationshipTypeValues.CONTAINS)


def _observers(statement: Statement) -> sr.ObservationContext:
    """The software; and the reader who changed its segments."""
    device = sr.ObserverContext(
        codes.DCM.Device,
        sr.DeviceObserverIdentifyingAttributes(
            uid=stable_uid("device", statement.weights),
            name=MAKER,
            manufacturer_name=MAKER,
            model_name=statement.algorithm,
        ),
    )
    person = None
    if statement.edit is not None:
        person = sr.ObserverContext(codes.DCM.Person, sr.PersonObserverIdentifyingAttributes(statement.edit.reader))
    return sr.ObservationContext(observer_person_context=person, observer_device_context=device)
