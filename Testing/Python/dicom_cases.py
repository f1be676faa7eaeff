"""Small CT series with results, in any orientation, made in memory as a scanner would write their headers."""

import itertools
from dataclasses import dataclass, replace

import highdicom
import numpy as np
import pydicom
from dicom_slices import slice_dataset
from highdicom.legacy import LegacyConvertedEnhancedCTImage
from pydicom.uid import generate_uid
from sample_screenings import PROTOCOL, SUSPICIOUS

from PDACScreeningLib.dicom import concepts
from PDACScreeningLib.dicom.options import DicomOptions, Edit
from PDACScreeningLib.dicom.results import ResultVoxels, dicom_files, edited_dicom_files
from PDACScreeningLib.finding_regions import with_native_volumes
from PDACScreeningLib.inference.judgment import judge
from PDACScreeningLib.scan_files.dicom_file import read_slices
from PDACScreeningLib.scan_files.series_source import SeriesSource, read_series_source
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import IDENTITY, Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.part import VolumePart

SHAPE = (12, 20, 16)
SPACING_MM = (0.7, 0.9, 2.5)
PATIENT = {
    "PatientName": "Dörfler^Jane",
    "PatientID": "MRN12345",
    "PatientBirthDate": "19500101",
    "PatientSex": "F",
    "StudyID": "77",
    "StudyTime": "101112",
    "AccessionNumber": "ACC678",
    "ReferringPhysicianName": "",
    "PositionReferenceIndicator": "",
    "SpecificCharacterSet": "ISO_IR 100",
}


ALL_OF_THEM = DicomOptions(probability=True, key_objects=True)


@dataclass(frozen=True, eq=False)
class DicomCase:
    """A series on disk, its headers read again, and a screening of it."""

    folder: object
    source: SeriesSource
    screening: Screening
    voxels: ResultVoxels

    def files(self, options=None):
        """Content by file name."""
        return dict(dicom_files(self.screening, self.voxels, self.source, options or DicomOptions()))


def asymmetric_labels():
    """A pancreas with three masses; nothing about them is symmetric, the smallest comes first in the file."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:9, 4:15, 3:12] = Label.PANCREAS
    labels[3, 3, 2] = Label.TUMOR
    labels[4:6, 5:9, 4:6] = Label.TUMOR
    labels[7, 12:14, 9:11] = Label.TUMOR
    return labels


def directions():
    """The 24 right-handed axis orders, then 6 oblique ones, as (3, 3) with the directions of x, y, z in columns."""
    for axes in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            matrix = np.zeros((3, 3))
            for column, (axis, sign) in enumerate(zip(axes, signs, strict=True)):
                matrix[axis, column] = sign
            if np.linalg.det(matrix) > 0:
                yield matrix
    rng = np.random.default_rng(1)
    for _ in range(6):
        matrix, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        yield matrix * np.sign(np.linalg.det(matrix))


def screened(screening, labels, ct, probability=None):
    """The numbers that these labels give, on the scan's own grid as the working grid."""
    protocol = replace(PROTOCOL, working_spacing_mm=None, working_spacing_mm_xyz=ct.geometry.spacing_mm)
    judgment = judge(labels.labels, probability, ct, protocol, at_border=False)
    return with_native_volumes(replace(screening, protocol=protocol, **vars(judgment)), labels)


def write_ct(folder, ct, *, reversed_names=False, **changes):
    """One file a slice, named upwards, or downwards."""
    folder.mkdir(parents=True, exist_ok=True)
    axes, (x_mm, y_mm, z_mm) = ct.geometry.axes, ct.geometry.spacing_mm
    fields = {
        **PATIENT,
        "FrameOfReferenceUID": generate_uid(entropy_srcs=["frame"]),
        "ImageOrientationPatient": [format(value, ".10g") for value in axes[:, :2].T.ravel()],
        "PixelSpacing": [y_mm, x_mm],
        "SliceThickness": z_mm,
        **changes,
    }
    for z, plane in enumerate(ct.hu):
        position = [format(mm, ".10g") for mm in ct.geometry.index_to_world((z, 0, 0))]
        uid = generate_uid(entropy_srcs=[f"{axes.tolist()}/{z}"])
        given = {"SOPInstanceUID": uid, **fields}
        dataset = slice_dataset(plane, position_mm=(0, 0, 0), number=z + 1, **given)
        dataset.ImagePositionPatient = position
        name = len(ct.hu) - z if reversed_names else z
        dataset.save_as(folder / f"{name:03}.dcm", enforce_file_format=True)
    return folder


def headers_of(folder):
    """Verified headers in the order of the volume."""
    headers = [header for path in folder.glob("*.dcm") for header in read_slices(path)]
    row, column = np.split(np.array(headers[0].orientation), 2)
    return sorted(headers, key=lambda header: float(np.dot(header.position_mm, np.cross(row, column))))


def made_case(folder, *, labels=None, direction=None, reversed_names=False, probability=True, **changes):
    """A case of 12 slices; labels: (z, y, x), the asymmetric ones when left out."""
    labels = asymmetric_labels() if labels is None else labels
    direction = IDENTITY if direction is None else tuple(direction.ravel().tolist())
    geometry = Geometry(labels.shape, SPACING_MM, (-30.5, 12.25, 900.0), direction)
    hu = (40 + np.arange(labels.size).reshape(labels.shape) % 61).astype(np.int16)
    ct, label_map = CTVolume(hu, geometry), LabelMap(labels, geometry)
    output = np.where(labels == Label.TUMOR, np.float32(0.9), np.float32(0)) if probability else None
    write_ct(folder, ct, reversed_names=reversed_names, **changes)
    screening = screened(SUSPICIOUS, label_map, ct, output)
    part = None if output is None else VolumePart.of(output, geometry)
    return DicomCase(folder, read_series_source(headers_of(folder)), screening, ResultVoxels(ct, label_map, part))


def multi_frame_case(folder, *, direction, step=1):
    """A case whose series is one multi-frame file. step: -1 stores the frames the other way round."""
    needed = {"AcquisitionNumber": 1, "Manufacturer": "none", "KVP": "120", "PatientPosition": "HFS"}
    case = made_case(folder / "ct", direction=direction, RescaleType="HU", **needed)
    slices = [pydicom.dcmread(path) for path in sorted((folder / "ct").glob("*.dcm"))][::step]
    identity = {"series_instance_uid": generate_uid(), "series_number": 5, "sop_instance_uid": generate_uid()}
    path = folder / "multi_frame.dcm"
    LegacyConvertedEnhancedCTImage(slices, instance_number=1, **identity).save_as(path)
    return replace(case, source=read_series_source(read_slices(path)))


def edited(case, labels, options=None, reader="Muster^Eva"):
    """Objects of a case whose labels a reader changed."""
    label_map = LabelMap(labels, case.voxels.ct.geometry)
    screening = screened(case.screening, label_map, case.voxels.ct, case.voxels.probability.whole())
    voxels = replace(case.voxels, label_map=label_map, ct=None)
    ai = (case.screening, case.voxels.label_map)
    return dict(edited_dicom_files(ai, screening, voxels, case.source, options or DicomOptions(), Edit(reader)))


def labels_read_back(content, source):
    """(z, y, x) values of Label of a segmentation object, read by highdicom."""
    read = highdicom.seg.segread(pydicom.filebase.DicomBytesIO(content))
    numbers = read.get_pixels_by_source_instance(
        [image.SOPInstanceUID for image in source.images],
        combine_segments=True,
        assert_missing_frames_are_empty=True,
    )
    label_of = np.zeros(max(read.segment_numbers) + 1, np.uint8)
    for number in read.segment_numbers:
        is_pancreas = read.get_segment_description(number).segmented_property_type == concepts.PANCREAS
        label_of[number] = Label.PANCREAS if is_pancreas else Label.TUMOR
    return label_of[numbers.astype(int)]


def read_object(content):
    """A data set of bytes."""
    return pydicom.dcmread(pydicom.filebase.DicomBytesIO(content))


def numbers_of(report):
    """(group, concept, value) of every number in a report, group 0 is the scan."""
    found = []
    [measurements] = [item for item in report.ContentSequence if code_of(item) == "126010"]
    for group, container in enumerate(measurements.ContentSequence):
        for item in container.ContentSequence:
            if item.ValueType == "NUM":
                found.append((group, code_of(item), float(item.MeasuredValueSequence[0].NumericValue)))
    return found


def items_of(report):
    """Every content item, at every depth."""
    for item in report.ContentSequence:
        yield item
        if "ContentSequence" in item:
            yield from items_of(item)


def code_of(item):
    """Code value of what an item is about."""
    return item.ConceptNameCodeSequence[0].CodeValue if "ConceptNameCodeSequence" in item else ""
