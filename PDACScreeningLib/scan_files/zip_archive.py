"""A ZIP archive of DICOM files, unpacked into a folder of its own for as long as it is read."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from PDACScreeningLib.errors import InputRejected

MAX_MEMBERS = 20_000  # as many files as a folder may hold
MAX_RATIO = 200  # pictures of noise compress to a half at best; more is a bomb
_SMALL_BYTES = 1 << 26
_MAGIC = b"PK\x03\x04"


def is_zip(path: Path) -> bool:
    """Whether a file begins as a ZIP archive."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A temporary folder with the files of the archive; names and folders of the archive are not trusted.

    Raises InputRejected when the archive is damaged, encrypted, or claims more than it can hold.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        try:
            with zipfile.ZipFile(path) as archive:
                _unpack(archive, folder, packed=path.stat().st_size)
        except InputRejected:
            raise
        except OSError as error:
            raise InputRejected(
                f"the ZIP archive cannot be unpacked ({error.strerror or 'it is damaged'}): unpack it and give the "
                "folder"
            ) from error
        except Exception as error:  # a damaged archive can make zipfile raise anything
            raise InputRejected(
                "the ZIP archive is damaged, encrypted or of an unusual kind: unpack it and give the folder"
            ) from error
        yield folder


def _unpack(archive: zipfile.ZipFile, folder: Path, *, packed: int) -> None:
    members = [member for member in archive.infolist() if not member.is_dir()]
    promised = sum(member.file_size for member in members)
    if len(members) > MAX_MEMBERS:
        raise InputRejected(f"the ZIP archive holds more than {MAX_MEMBERS} files: give the files of one CT series")
    if promised > max(_SMALL_BYTES, MAX_RATIO * packed):
        raise InputRejected("the ZIP archive promises far more than it can hold: it is no archive of CT images")
    if promised > shutil.disk_usage(folder).free:
        raise InputRejected(
            f"the ZIP archive needs {promised / 1024**3:.1f} GiB on the disk of temporary files, which are not free: "
            "unpack it elsewhere and give the folder"
        )
    for number, member in enumerate(members):
        name = PurePosixPath(member.filename.replace("\\", "/")).name
        if name.startswith("."):
            continue
        target = folder / f"{number:05}"
        target.mkdir()
        with archive.open(member) as source, (target / _plain(name)).open("wb") as copy:
            shutil.copyfileobj(source, copy)


def _plain(name: str) -> str:
    """A name that every disk takes."""
    return "".join(letter if letter.isalnum() or letter in "._- " else "_" for letter in name)[-80:] or "_"
