"""Errors a user can act on. Each message says what happened, which file, and what to do.

A caller's mistake is a ValueError. `Cancelled` stands apart: it is not a failure.
"""


class PDACScreeningError(Exception):
    """Base of every error that is reported to the user as one sentence, without a traceback."""


class UsageError(PDACScreeningError):
    """The command line asks for something that cannot be done; nothing was started. Exit code 2."""


class InputRejected(PDACScreeningError):
    """The input cannot be screened (damaged, not a CT, impossible geometry). Outcome REJECTED.

    sentence: what is wrong and what to do. It goes into result files, so it names no file, series or patient.
    details: those names, for whoever sits at the terminal. `str` has both.
    """

    def __init__(self, sentence: str, *, details: str = "") -> None:
        super().__init__(f"{sentence} ({details})" if details else sentence)
        self.sentence, self.details = sentence, details


class InputIndeterminate(PDACScreeningError):
    """The input is readable, but an honest answer is not possible on it. Outcome INDETERMINATE."""


class GeometryMismatch(PDACScreeningError):
    """Two volumes that should share a grid do not."""


class ResultError(PDACScreeningError):
    """A result folder is incomplete, damaged, or holds files that do not belong together."""


class OlderResult(ResultError):
    """A result of an older file format: it can be shown, but not scored again."""


class DicomRefused(PDACScreeningError):
    """No DICOM results can be made of this scan. The message says why; the other files are written all the same."""


class ModelError(PDACScreeningError):
    """A model directory is missing, damaged, or does not fit this version."""


class CheckpointError(PDACScreeningError):
    """A training checkpoint is missing, damaged, or does not fit the configuration."""


class DamagedCheckpoint(CheckpointError):
    """The content of a checkpoint file is not what was written; an older one may be whole."""


class FolderInUse(PDACScreeningError):
    """Another process is writing into the folder; nothing in it was touched."""


class DataError(PDACScreeningError):
    """A training case or data set cannot be used."""


class MemoryShort(PDACScreeningError):
    """The memory of the device does not suffice for a training with these options."""


class WriteError(PDACScreeningError):
    """A file could not be written, or did not read back as written. Nothing was replaced."""


class Cancelled(Exception):
    """The user asked to stop. Raised by the progress hook, never swallowed below the command line."""
