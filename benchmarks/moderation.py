"""Moderation: a decision among 1,000 rules, and 4,000 hostile characters before the patterns that moderators may write.

`python -m benchmarks.moderation` needs no server and no network.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

from bot.core.model import Person, Place
from bot.core.policy import evaluate, word_filter
from bot.core.policy.rules import Access, Rule, Rules, WordList
from bot.core.policy.scope import RequestContext, Scope, Subject

_LISTS = {
    "bundled patterns": WordList(patterns=tuple(word_filter.BUNDLED)),
    "(a+)+$": WordList(patterns=("(a+)+$",)),
    "50 slow patterns": WordList(patterns=tuple(f"((a+)+{number})+$" for number in range(50))),
    "1,000 words": WordList(tuple(f"word{number}" for number in range(1000))),
    "1,000 phrases": WordList(tuple(f"two words{number}" for number in range(1000))),
}
_TEXTS = {
    "letters": "a" * 3998 + "!?",
    "spelled out": "a b " * 1000,
    "invisible": "b\u200bad " * 666,
    "an address": "a@" + "a." * 1999,
    "figures": "1 2-3(" * 666,
}


def decisions() -> float:
    """Milliseconds for one decision, all of its terms included, in a place with 1,000 rules."""
    facts = RequestContext.of(
        Person("test", "1", "", frozenset(map(str, range(20)))), Place("test", "t", "", "g", ("c", "k")), "poster"
    )
    rules = Rules(
        Rule(
            Scope("test:g", f"place-{number % 50}", Subject.role(str(number)), "poster"), Access(allow=bool(number % 2))
        )
        for number in range(1000)
    )

    def decide() -> None:
        evaluate.decide(rules, facts, evaluate.EVERY_WORKFLOW, 0.0)
        evaluate.effective_policy(rules, facts)

    return _middle(decide, 200)


def readings() -> dict[str, float]:
    """Milliseconds of processor time for the text that takes each list longest."""
    return {name: _longest([to], 9) for name, to in _LISTS.items()}


def _longest(lists: list[WordList], times: int) -> float:
    return max(_middle(partial(word_filter.readings, lists, text), times) for text in _TEXTS.values())


def _middle(work: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        begun = time.thread_time()
        work()
        taken.append(time.thread_time() - begun)
    return statistics.median(taken) * 1000


def main() -> None:
    print(f"a decision with its terms, 1,000 rules: {decisions():.2f} ms")
    for name, taken in readings().items():
        print(f"{name}, 4,000 characters: {taken:.1f} ms")
    print(f"all of these lists, twenty times: {_longest([*_LISTS.values()] * 20, 3):.0f} ms")


if __name__ == "__main__":
    main()
