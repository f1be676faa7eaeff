"""What numpy.load raises for a file that was damaged, or was no file of arrays at all."""

import tokenize
import zipfile
import zlib

DAMAGED_ARRAYS = (
    *(OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, SyntaxError, tokenize.TokenError),
    *(RuntimeError, RecursionError, OverflowError, MemoryError, zipfile.BadZipFile, zlib.error),
)
