"""Which series are screened: words of the headers of all its images against plain lists."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom

from PDACScreeningLib.node.config import Rules


@dataclass(frozen=True)
class SeriesFacts:
    """What the rules look at. Words are in capitals; what no image says is empty."""

    images: int
    thicknesses_mm: tuple[float, ...] = ()
    descriptions: frozenset[str] = frozenset()
    body_parts: frozenset[str] = frozenset()
    image_types: frozenset[str] = frozenset()


def refusal(rules: Rules, facts: SeriesFacts) -> str:
    """Why a series is not screened; empty when it is. No sentence repeats a word of a header."""
    if facts.images < rules.min_images:
        return f"it has {facts.images} images, fewer than rules.min_images {rules.min_images}"
    if facts.thicknesses_mm and max(facts.thicknesses_mm) > rules.max_thickness_mm:
        thickest = max(facts.thicknesses_mm)
        return f"its slices are {thickest:g} mm thick, more than rules.max_thickness_mm {rules.max_thickness_mm:g}"
    if rules.description_contains and not _any_word(rules.description_contains, facts.descriptions):
        return "its description has no word of rules.description_contains"
    if _any_word(rules.description_excludes, facts.descriptions):
        return "its description has a word of rules.description_excludes"
    if rules.body_parts and not _any_word(rules.body_parts, facts.body_parts):
        return "its body part is none of rules.body_parts"
    if _any_word(rules.image_type_excludes, facts.image_types):
        return "its images are of a type of rules.image_type_excludes"
    return ""


def _any_word(words: Iterable[str], texts: Iterable[str]) -> bool:
    texts = tuple(texts)
    return any(word.upper() in text for word in words for text in texts)


def read_facts(paths: Sequence[Path]) -> SeriesFacts:
    """The facts of the files of a series. What cannot be read says nothing here; the screening refuses it."""
    headers = [header for header in map(_header, paths) if header is not None]
    count = sum(int(header.get("NumberOfFrames") or 1) for header in headers)
    return SeriesFacts(
        images=count + len(paths) - len(headers),
        thicknesses_mm=tuple(sorted({float(header.SliceThickness) for header in headers if _has_thickness(header)})),
        descriptions=_words(headers, "SeriesDescription", "ProtocolName"),
        body_parts=_words(headers, "BodyPartExamined"),
        image_types=_words(headers, "ImageType"),
    )


def _header(path: Path) -> Any:
    tags = ["SliceThickness", "SeriesDescription", "ProtocolName", "BodyPartExamined", "ImageType", "NumberOfFrames"]
    tags.append("SpecificCharacterSet")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(tags))
            header.decode()  # here, where what pydicom says of odd characters is not heard
            _ = int(header.get("NumberOfFrames") or 1), _has_thickness(header)
            return header
    except Exception:  # damaged bytes can make the parser raise anything
        return None


def _has_thickness(header: Any) -> bool:
    thickness = header.get("SliceThickness")
    return thickness is not None and float(thickness) > 0


def _words(headers: Iterable[Any], *keywords: str) -> frozenset[str]:
    found: set[str] = set()
    for header in headers:
        for keyword in keywords:
            value = header.get(keyword)
            values = [value] if isinstance(value, str) or value is None else value
            found |= {str(word).upper() for word in values if word}
    return frozenset(found)
