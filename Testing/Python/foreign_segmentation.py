"""What another program makes of a series: a DICOM segmentation written by highdicom."""

import highdicom as hd
import numpy as np
from dicom_slices import SHAPE
from highdicom.sr.coding import Code


def saved(dataset, path):
    dataset.save_as(path, enforce_file_format=True)
    return path


def masks(count):
    """(z, y, x, segment) of a head, and of a mass that shares some voxels with it."""
    found = np.zeros((*SHAPE, 2), np.uint8)
    found[3:15, 8:22, 8:22, 0] = 1
    found[5:9, 15:24, 12:20, 1] = 1
    return found[:, :, :, :count]


def other_segmentation(sources, path):
    """What another program makes of a series: a head and a mass that overlap. sources: get what highdicom asks for."""
    for source in sources:
        source.PatientBirthDate = source.PatientSex = source.StudyTime = source.StudyID = ""
        source.ReferringPhysicianName = ""
    organ, pancreas = Code("123037004", "SCT", "Anatomical Structure"), Code("15776009", "SCT", "Pancreas")
    algorithm = hd.AlgorithmIdentificationSequence("other", Code("123110", "DCM", "Artificial Intelligence"), "1")
    described = [
        hd.seg.SegmentDescription(number, label, organ, pancreas, "AUTOMATIC", algorithm)
        for number, label in ((1, "Head"), (2, "Mass"))
    ]
    uids = (hd.UID(), 9, hd.UID(), 1, "a", "b", "c", "d")
    return saved(hd.seg.Segmentation(sources, masks(2), "BINARY", described, *uids), path)
