"""Find the phrases of a list in a sentence by dictionary, longest first: linear in its length, however long the list."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from insight_journey.analysis.sentences import TOKEN, Token, plain

T = TypeVar("T")


class Phrases(Generic[T]):
    """Phrases with a value each. A phrase may stand for several values."""

    def __init__(self, entries: Iterable[tuple[str, T]]) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], T]]] = {}
        for phrase, value in entries:
            words = tuple(TOKEN.findall(plain(phrase)))
            self._by_first.setdefault(words[0], []).append((words, value))
        for found in self._by_first.values():
            found.sort(key=lambda entry: -len(entry[0]))

    @property
    def words(self) -> Mapping[str, object]:
        """First words of all phrases."""
        return self._by_first

    def find(self, tokens: Sequence[Token]) -> Iterator[tuple[int, int, T]]:
        """(first token, one past the last, value) of every phrase; at each word only the longest, all its values."""
        for index, token in enumerate(tokens):
            yield from self._at(tokens, index, self._by_first.get(token.word, ()))

    def _at(self, tokens: Sequence[Token], index: int, entries: Iterable[tuple[tuple[str, ...], T]]) -> Iterator[tuple[int, int, T]]:
        longest = 0
        for words, value in entries:
            if len(words) < longest:
                return
            if tuple(token.word for token in tokens[index : index + len(words)]) == words:
                longest = len(words)
                yield index, index + len(words), value
