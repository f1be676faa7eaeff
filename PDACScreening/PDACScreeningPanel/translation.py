"""What the library says, in the language of Slicer."""

from slicer.i18n import translate

from PDACScreeningLib.report.translation import SentenceBook
from PDACScreeningPanel.library_sentences import SENTENCES

_CONTEXT = "library_sentences"  # Slicer's tools name a context after the file that the source strings stand in
_book = SentenceBook(SENTENCES, lambda sentence: translate(_CONTEXT, sentence))


def translated(text):
    """Sentences of the library; names, notes and the text of a model card stay as they are."""
    return _book.translated(text) if text else text
