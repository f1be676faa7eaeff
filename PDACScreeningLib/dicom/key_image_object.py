"""Key images as secondary captures, for viewers that show neither segmentations nor structured reports."""

from __future__ import annotations

import io

import numpy as np
from highdicom.sc import SCImage
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.uid import ExplicitVRLittleEndian

from PDACScreeningLib.dicom.statement import MAKER, Statement
from PDACScreeningLib.report.key_images import KeyImage

_STRIP_PIXELS = 20
_LETTER_PIXELS = 11
_DICOM_LETTERS = {"S": "H", "I": "F"}  # head and feet; the others are the same


def key_image_object(statement: Statement, image: KeyImage, number: int) -> SCImage:
    """One picture with its outlines. number: its place among the key images, from 1.

    Nothing in the pixels identifies the patient: directions, a scale, and the line that every output carries.
    """
    _, right, _, bottom = image.view.edges
    capture = SCImage.from_ref_dataset(
        statement.images[0],
        _pixels(image, statement.notice),
        "RGB",
        8,
        "PATIENT",
        **statement.series("key images", 2, number),
        manufacturer=MAKER,
        patient_orientation=(_DICOM_LETTERS.get(right, right), _DICOM_LETTERS.get(bottom, bottom)),
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    capture.SeriesDescription = "PDAC screening, key images (research use only)"
    capture.ImageComments = image.description
    capture.BurnedInAnnotation = "NO"
    capture.BodyPartExamined = "ABDOMEN"  # validators ask for a laterality where the part is unknown
    capture.ConversionType = "WSD"
    return capture


def _pixels(image: KeyImage, notice: str) -> NDArray[np.uint8]:
    """(row, column, 3): the picture with its outlines, over a strip that holds the notice."""
    picture = Image.open(io.BytesIO(image.picture_png)).convert("RGBA")
    if image.outlines_png is not None:
        picture.alpha_composite(Image.open(io.BytesIO(image.outlines_png)).convert("RGBA"))
    sheet = Image.new("RGB", (picture.width, picture.height + _STRIP_PIXELS))
    sheet.paste(picture.convert("RGB"))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_LETTER_PIXELS)
    draw.text((4, picture.height + _STRIP_PIXELS / 2), notice, fill="white", font=font, anchor="lm")
    return np.asarray(sheet)
