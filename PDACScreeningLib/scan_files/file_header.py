"""Finding out what a file is from its first bytes, not from its name."""

from __future__ import annotations

from pathlib import Path

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files import metaimage_header, nifti_header, nrrd_header
from PDACScreeningLib.scan_files.byte_stream import complete_or_rejected, is_gzip, open_file
from PDACScreeningLib.scan_files.image_header import ImageHeader, check_claims
from PDACScreeningLib.scan_files.nifti_fields import is_analyze, is_nifti

_ENDINGS = {"NIfTI": (".nii", ".nii.gz", ".hdr", ".hdr.gz"), "NRRD": (".nrrd", ".nhdr"), "MetaImage": (".mha", ".mhd")}
_FORMATS = "NIfTI (.nii, .nii.gz), NRRD, MetaImage (.mha), or a folder of DICOM slices"
_FOREIGN = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"PK\x03\x04", "a ZIP archive, which has to be unpacked first"),
    (b"BZh", "a bzip2 archive, which has to be unpacked first"),
    (b"\xfd7zXZ", "an xz archive, which has to be unpacked first"),
    (b"7z\xbc\xaf", "a 7-Zip archive, which has to be unpacked first"),
    (b"Rar!", "a RAR archive, which has to be unpacked first"),
    (b"%PDF", "a PDF document"),
    (b"version https://git-lfs", "a Git LFS pointer: the real file was never downloaded"),
)


def read_header(path: Path, name: str | None = None, *, most_layers: int = 1) -> tuple[ImageHeader, tuple[str, ...]]:
    """The checked claims of an image file, with warnings. Raises InputRejected for everything that is no volume.

    name: what sentences call the file; None takes its own name. most_layers: see check_claims.
    """
    name = path.name if name is None else name
    with complete_or_rejected(name):
        path = _header_of_image(path)
        if not path.is_file():  # a pipe would be waited for without end
            raise InputRejected(f"{name} is not a file" if path.exists() else f"{name} does not exist")
        file_is_gzip = is_gzip(path)
        with open_file(path, decompress=file_is_gzip) as file:
            start = file.read(nrrd_header.MAX_HEADER_BYTES)
    header = _parse(path, start, name, file_is_gzip=file_is_gzip)
    check_claims(header, most_layers=most_layers)
    if path.name.lower().endswith(_ENDINGS[header.kind]):
        return header, header.warnings
    return header, (
        *header.warnings,
        f"the file is {header.kind} in spite of its name and was read as {header.kind}",
    )


def _header_of_image(path: Path) -> Path:
    """The .hdr of an .img file, where it has one; else the file itself."""
    for image, header in ((".img", ".hdr"), (".img.gz", ".hdr.gz"), (".img.gz", ".hdr")):
        if path.name.lower().endswith(image):
            beside = path.parent / f"{path.name[: -len(image)]}{header}"
            if beside.is_file():
                return beside
    return path


def _parse(path: Path, start: bytes, name: str, *, file_is_gzip: bool) -> ImageHeader:
    if is_nifti(start):
        return nifti_header.parse(path, start, name, file_is_gzip=file_is_gzip)
    if file_is_gzip:
        raise InputRejected(f"{name} is a gzip archive of something else than NIfTI: unpack it first")
    if nrrd_header.is_nrrd(start):
        return nrrd_header.parse(path, start, name)
    if metaimage_header.is_metaimage(start):
        return metaimage_header.parse(path, start, name)
    raise InputRejected(_why_foreign(path, name, start))


def is_dicom(start: bytes) -> bool:
    """Whether the first bytes of a file are those of a DICOM file."""
    return start[128:132] == b"DICM"


def _why_foreign(path: Path, name: str, start: bytes) -> str:
    if not start:
        return f"{name} is empty: copy or download it again"
    if is_dicom(start):
        return f"{name} is a single DICOM file: give the folder that holds all slices of the series"
    if is_analyze(start):
        return f"{name} is an Analyze 7.5 header, which does not tell left from right: give the CT as NIfTI"
    what = next((words for magic, words in _FOREIGN if start.startswith(magic)), None)
    if what is None and start.lstrip()[:1] == b"<":
        what = "a web page, probably an error message of a download"
    if what is None and path.name.lower().endswith(".img"):
        what = "the data of a pair without its .hdr"
    if what is None and b"\0" not in start[:512]:
        what = "a text file"
    return f"{name} is {what or 'no image file that can be read, or a damaged one'}: give a CT as {_FORMATS}"
