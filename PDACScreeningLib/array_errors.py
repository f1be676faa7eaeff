"""What numpy.load and blosc2 raise and say for a file that was damaged, or was no file of arrays at all."""

import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

DAMAGED_ARRAYS = (
    *(OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, SyntaxError, tokenize.TokenError),
    *(RuntimeError, RecursionError, OverflowError, MemoryError, zipfile.BadZipFile, zlib.error),
)


@contextmanager
def numpy_kept_quiet() -> Iterator[None]:
    """Read arrays within it: numpy says nothing of a damaged header that looks like one of Python 2."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
