"""What the scanners of the chaos send, and what must come of each study."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "Python"), str(Path(__file__).resolve().parents[2])]

from dicom_slices import SHAPE  # noqa: E402
from node_parts import images  # noqa: E402

STUDIES, ALL = 50, SHAPE[0]
HALF, LATE, TWICE, IN_TURNS = (7, 23), (11, 31), (3, 19, 42), ((5, 15), (26, 36))
MARKER, BIRTH = "Qzxmarker", "19770517"
NO_CT = {
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.88.67": "SR",  # radiation dose
    "1.2.840.10008.5.1.4.1.1.88.33": "SR",
    "1.2.840.10008.5.1.4.1.1.481.2": "RTDOSE",
}


def study(number):
    """The CT images of a study whose every word is a marker of its patient."""
    return images(
        number=number,
        PatientName=f"{MARKER}^{number}",
        PatientID=f"{MARKER}{number}",
        IssuerOfPatientID=MARKER if number % 2 else "",
        PatientBirthDate=BIRTH,
        AccessionNumber=f"{MARKER[:8]}{number}",
        StudyDate=BIRTH,
    )


def beside(number):
    """What else a study push holds."""
    for place, (sop_class, modality) in enumerate(NO_CT.items()):
        [one] = images(1, number=1000 + 10 * number + place, PatientID=f"{MARKER}{number}", Modality=modality)
        one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = sop_class
        yield one
