"""One image as it arrived: its bytes, and digests in place of its identifiers.

Identifiers never become names: digests are of one length, hold no separators, and tell nobody whose image it is.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from dataclasses import dataclass

import pydicom

from PDACScreeningLib.errors import DataError
from PDACScreeningLib.scan_files.slice_header import CT_IMAGE, MULTI_FRAME_CT

CT_CLASSES = (CT_IMAGE, *MULTI_FRAME_CT)
_DIGITS = 32
_UID = re.compile(r"(?=.{1,64}$)[0-9]+(\.[0-9]+)*")
_PREFIX_BYTES = 132


@dataclass(frozen=True)
class ReceivedImage:
    """An image that is to be kept. content: a whole DICOM file; sha256: of its data set alone, as it was sent."""

    name: str
    series: str
    content: bytes
    sha256: str


def key_of(uid: str) -> str:
    """The digest that stands for an identifier."""
    return hashlib.sha256(uid.encode()).hexdigest()[:_DIGITS]


def received_image(content: bytes, data_set: bytes, sop_class: str, sop_instance: str) -> ReceivedImage:
    """An image of what arrived. content: DICOM file; data_set: its part after the file header.

    sop_class, sop_instance: what the sender said it is. Raises DataError when the data set is another object or names
    no series.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote what stands in the header
            tags = ["SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID"]
            head = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True, specific_tags=list(tags))
            found = [str(head.get(tag) or "").strip() for tag in tags]
    except Exception as error:  # damaged bytes can make the parser raise anything
        raise DataError("the data set cannot be read") from error
    if found[:2] != [sop_class, sop_instance]:
        raise DataError("the data set is another object than the request says")
    if not all(map(_UID.fullmatch, found)):
        raise DataError("the data set names no series")
    return ReceivedImage(key_of(sop_instance), key_of(found[2]), content, hashlib.sha256(data_set).hexdigest())


def file_image(content: bytes) -> ReceivedImage | None:
    """The image of a whole DICOM file; None for an object that is no CT. Raises DataError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote what stands in the header
            head = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True, specific_tags=["SOPClassUID"])
            meta = head.file_meta
            sop_class, instance = str(meta.MediaStorageSOPClassUID), str(meta.MediaStorageSOPInstanceUID)
        header = _PREFIX_BYTES + 12 + int(meta.FileMetaInformationGroupLength)
    except Exception as error:  # damaged bytes can make the parser raise anything
        raise DataError("the data set cannot be read") from error
    if sop_class not in CT_CLASSES:
        return None
    return received_image(content, content[header:], sop_class, instance)
