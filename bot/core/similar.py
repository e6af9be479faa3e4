"""Find what is most similar to a word, also among very many names."""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterable

_COMPARED = 60  # names that are compared in full, which takes about 50 µs each
_LONGEST = 60  # characters that count


def similar(text: str, names: Iterable[str], most: int = 1, cutoff: float = 0.6) -> list[str]:
    """Return the most similar names, the best one first. Of very many, those that share most pairs of letters with the
    text are compared.
    """
    word = text[:_LONGEST]
    shortened = {name[:_LONGEST]: name for name in names}
    if len(shortened) > _COMPARED:
        pairs = {word[at : at + 2].casefold() for at in range(len(word) - 1)}
        shortened = {
            each: shortened[each]
            for each in heapq.nlargest(_COMPARED, shortened, lambda name: sum(map(name.casefold().count, pairs)))
        }
    return [shortened[each] for each in difflib.get_close_matches(word, shortened, most, cutoff)]
