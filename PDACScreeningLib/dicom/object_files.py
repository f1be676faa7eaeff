"""What the DICOM files of a result folder are called. Names only: nothing is imported for them."""

from __future__ import annotations

SEGMENTATION = "segmentation.dcm"
REPORT = "report.dcm"
PROBABILITY = "probability.dcm"
KEY_OBJECTS = "key-objects.dcm"
KEY_IMAGES = tuple(f"key-image-{number}.dcm" for number in range(1, 10))  # a report has at most nine pictures
DICOM_FILES = (SEGMENTATION, PROBABILITY, *KEY_IMAGES, KEY_OBJECTS, REPORT)
