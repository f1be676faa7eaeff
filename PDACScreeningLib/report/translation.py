"""Finding the sentence that a text was made of, so that a program in another language can say it.

The library speaks English: its sentences go into files that programs compare. Whoever shows them to a reader looks them
up here, by the words between the values: "{found} mL of pancreas were segmented" is the sentence of "3.1 mL of pancreas
were segmented". Values may be sentences themselves.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

_WORD = re.compile("[A-Za-z]{4,}")
_ENDS = re.compile(r"\. |: |; |, ")  # of sentences and phrases
_BREAKS = re.compile(rf"{_ENDS.pattern}| - | \(|\)|\.$")


@dataclass(frozen=True)
class _Said:
    text: str
    complete: bool  # no words are left of which the book knows nothing
    found: bool  # something of it stands in the book

    def is_value(self, text: str) -> bool:
        """Whether this can be a value in a sentence: a name, an amount, or other sentences of the book."""
        return not _ENDS.search(text) or self.complete and self.found


@dataclass(frozen=True)
class _Pattern:
    template: str
    anchor: str  # its longest run of words, which every text made of it holds
    regex: re.Pattern[str]
    words: int  # how many letters are no values


class SentenceBook:
    """Sentences with the names of their values, e.g. "slice {number} of {count}", and what says them otherwise."""

    def __init__(self, sentences: Sequence[str], translate: Callable[[str], str]) -> None:
        """translate: a sentence of the book in another language; one that does not have the same names is not used."""
        patterns = [_pattern(sentence) for sentence in sentences]
        self._literal = {string.Formatter().format(p.template): p.template for p in patterns if not p.regex.groups}
        self._patterns = sorted((p for p in patterns if p.regex.groups), key=lambda p: p.words, reverse=True)
        self._in_another_language = translate
        self._said = lru_cache(maxsize=2048)(self._say)

    def translated(self, text: str) -> str:
        """A text of one or several sentences; what is no sentence of the book stays as it is."""
        return "\n".join(self._said(line).text for line in text.split("\n"))

    def _translate(self, sentence: str) -> str:
        found = self._in_another_language(sentence)
        return found if _names(found) == _names(sentence) else sentence

    def _say(self, text: str) -> _Said:
        """One line: as one sentence if its values are in order, else as several beside each other."""
        whole = list(self._whole(text))
        beside = None if any(said.complete for said in whole) else self._beside(text)
        return next((said for said in (*whole, beside) if said is not None and said.complete), None) or (
            whole[0] if whole else beside or _Said(text, not _WORD.search(text), False)
        )

    def _whole(self, text: str) -> Iterator[_Said]:
        """The text as each sentence of the book that it could be, the one with most words first."""
        if text in self._literal:
            yield _Said(self._translate(self._literal[text]).format(), True, True)
            return
        for pattern in self._patterns:
            found = pattern.regex.fullmatch(text) if pattern.anchor in text else None
            if found is not None:
                values = {name: self._said(value) for name, value in found.groupdict().items()}
                complete = all(said.is_value(found[name]) for name, said in values.items())
                said = self._translate(pattern.template).format(**{name: value.text for name, value in values.items()})
                yield _Said(said, complete, True)

    def _beside(self, text: str) -> _Said | None:
        """The text as a sentence and a rest, cut where the sentence is longest; None where nothing can be cut."""
        breaks = list(_BREAKS.finditer(text))
        for place in reversed(breaks):
            for end in dict.fromkeys((place.start() + (place[0] == ". "), place.start())):
                begun = next((said for said in self._whole(text[:end]) if said.complete), None) if end else None
                if begun is not None:
                    rest = self._said(text[place.end() :])
                    return _Said(begun.text + text[end : place.end()] + rest.text, rest.complete, True)
        if not breaks:
            return None
        first, rest = self._said(text[: breaks[0].start()]), self._said(text[breaks[0].end() :])
        both = first.complete and rest.complete
        return _Said(first.text + breaks[0][0] + rest.text, both, first.found or rest.found)


def _names(sentence: str) -> set[str] | None:
    """Of the values; None where it could not be filled in."""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}
    except ValueError:
        return None


def _pattern(sentence: str) -> _Pattern:
    parts = [(text, name) for text, name, _, _ in string.Formatter().parse(sentence)]
    regex = "".join(re.escape(text) + (f"(?P<{name}>.*?)" if name else "") for text, name in parts)
    texts = [text for text, _ in parts]
    return _Pattern(sentence, max(texts, key=len), re.compile(regex), sum(map(len, texts)))
