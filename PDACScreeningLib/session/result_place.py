"""How a result takes its place: whole, by renaming folders. An earlier result is moved aside whole and never deleted.

    .ct-7.lock          held by the run that writes; its lock ends with it
    .ct-7.partial       the new result until it is whole: its screening.json is written last
    ct-7                where it belongs
    .ct-7.aside         what was at ct-7, from the first renaming until its foreign files are back
    ct-7.previous       an earlier result; then ct-7.previous-2, ct-7.previous-3, ...

A run that is killed at any moment leaves one of these states, and the next run into ct-7 puts it right (`mend`).
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

from PDACScreeningLib import atomic_file
from PDACScreeningLib.errors import FolderInUse, WriteError
from PDACScreeningLib.file_lock import lock_file
from PDACScreeningLib.session.result_folder import KNOWN_FILES, SCREENING

Shield = Callable[[], AbstractContextManager[None]]


class ResultPlace:
    """The places around one result folder, whether they exist or not. A link stands for the folder it leads to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.lock, self.partial, self.aside = map(self._hidden, ("lock", "partial", "aside"))

    def _hidden(self, what: str) -> Path:
        return self.folder.with_name(f".{self.folder.name}.{what}")

    @property
    def was_interrupted(self) -> bool:
        """Whether a run was ended while its result was put into place; the files then lie beside the folder."""
        return self.aside.is_dir() or (self.partial / SCREENING).is_file()

    def mend(self) -> None:
        """Finish what a killed run began, and remove what it left half-written. Raises OSError."""
        if self.aside.is_dir() and self.folder.is_dir():
            self._settle_aside()
        if (self.partial / SCREENING).is_file():
            self.put()
        elif self.partial.is_dir():
            _remove_half_written(self.partial)
        if self.aside.is_dir():
            self.folder.mkdir()
            self._settle_aside()

    def put(self) -> Path | None:
        """Rename the new result into its place; where an earlier one lies now, if there was one. Raises OSError."""
        if self.folder.is_dir():
            shutil.copymode(self.folder, self.partial)
            self.folder.rename(self.aside)
        self.partial.rename(self.folder)
        earlier = self._settle_aside() if self.aside.is_dir() else None
        atomic_file.flush_folder(self.folder.parent)
        return earlier

    def set_earlier_aside(self) -> Path | None:
        """Leave no earlier result in the folder, only foreign files; where it lies now, None if there was none.

        Raises WriteError.
        """
        if not any(os.path.lexists(self.folder / name) for name in KNOWN_FILES):
            return None
        with _as_write_error(self.folder):
            self.partial.mkdir()
            earlier = self.put()
        with suppress(OSError):  # foreign files lie in it
            self.folder.rmdir()
        return earlier

    def _settle_aside(self) -> Path | None:
        """Give foreign files back to the folder, and the earlier result, if any, a name of its own; the latter."""
        for entry in sorted(self.aside.iterdir()):
            if entry.name not in KNOWN_FILES and not os.path.lexists(self.folder / entry.name):
                entry.rename(self.folder / entry.name)
        if any(self.aside.iterdir()):
            return self.aside.rename(self._free_name())
        self.aside.rmdir()
        return None

    def _free_name(self) -> Path:
        endings = (".previous" if number == 1 else f".previous-{number}" for number in count(1))
        names = (self.folder.with_name(f"{self.folder.name}{ending}") for ending in endings)
        return next(name for name in names if not os.path.lexists(name))


@contextmanager
def held_place(folder: Path, shield: Shield) -> Iterator[ResultPlace]:
    """Hold a result folder for one run, its parents made and the traces of a killed run put right.

    shield: holds off signals while folders are renamed. Raises FolderInUse when another run writes there, WriteError.
    """
    place = ResultPlace(folder)
    with ExitStack() as held:
        with _as_write_error(folder):
            place.folder.parent.mkdir(parents=True, exist_ok=True)
            is_ours = held.enter_context(lock_file(place.lock))
        if not is_ours:
            raise FolderInUse(f"another run is writing into {folder}; wait for it, or use another --output folder")
        with shield(), _as_write_error(folder):
            place.mend()
        yield place


@contextmanager
def place_of_new_run(folder: Path, shield: Shield, tell: Callable[[str], None]) -> Iterator[None]:
    """Hold a result folder for a run that begins: no earlier result stands in it, which `tell` is told of.

    Raises as `held_place`.
    """
    with held_place(folder, shield) as place:
        with shield():
            earlier = place.set_earlier_aside()
        if earlier is not None:
            tell(f"The earlier result of {folder} now lies in {folder.with_name(earlier.name)}.")
        yield


@contextmanager
def new_result(folder: Path, shield: Shield) -> Iterator[Path]:
    """A hidden folder to write a result into; when the block ends well, it takes the place of `folder`, which is held.

    When the block raises, `folder` is as it was. Files of other names are never lost: they go on lying in it. shield:
    holds off signals while folders are renamed and cleaned up. Raises WriteError when a folder cannot be renamed: the
    result then waits beside its place for the next run.
    """
    place = ResultPlace(folder)
    with shield(), _as_write_error(folder):
        place.mend()
        place.partial.mkdir()
    try:
        yield place.partial
    except BaseException:
        with shield(), suppress(OSError):
            _discard(place.partial)
        raise
    with shield(), _as_write_error(folder):
        place.put()


def _remove_half_written(partial: Path) -> None:
    """Raises OSError when anything but a result lies in it: that is not ours to remove."""
    for entry in partial.iterdir():
        is_temporary = entry.name.startswith(atomic_file.PARTIAL) and entry.name.endswith(KNOWN_FILES)
        if entry.name not in KNOWN_FILES and not is_temporary:
            raise OSError(errno.ENOTEMPTY, f"{partial} holds files of others, move them away")
    _discard(partial)


def _discard(partial: Path) -> None:
    """Remove a result; without its screening.json nothing takes it for a whole one, should this be interrupted."""
    (partial / SCREENING).unlink(missing_ok=True)
    shutil.rmtree(partial)


@contextmanager
def _as_write_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteError(
            f"could not put a result into {folder}: {error.strerror}; check permissions and free disk space"
        ) from error
