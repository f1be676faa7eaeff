"""What the library says, in the language of Slicer."""

from slicer.i18n import translate

from PDACScreeningLib.report.translation import SentenceBook
from PDACScreeningPanel.library_sentences import SENTENCES

_CONTEXT = "PDACScreeningPanel.library_sentences"  # what slicer.i18n.getContext says of the file of the source strings
_book = SentenceBook(SENTENCES, lambda sentence: translate(_CONTEXT, sentence))


def translated(text):
    """Sentences of the library; names, notes and the text of a model card stay as they are."""
    return _book.translated(text) if text else text
