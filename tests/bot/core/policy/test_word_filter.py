"""Words and patterns that may not be asked for: found however they are spelled, and never for long."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.policy.look_alikes import skeleton
from bot.core.policy.rules import WordList
from bot.core.policy.word_filter import BUNDLED, check, faults, read, readings, says

LIST = WordList(("bad", "worse case", "плохо", "悪い", "बुरा", "🍆", "naked"))


@pytest.mark.parametrize(
    "text",
    [
        "bad",
        "so BAD!",
        "b\u200bad",
        "b\u00adad",
        "b\u0430d",  # a Cyrillic a
        "b4d",
        "b@d",
        "b a d",
        "b.a.d",
        "b_a_d",
        "ｂａｄ",
        "𝓫𝓪𝓭",
        "bád",
        "ba\u0301d",
        "a worse   CASE of",
        "worse_case",
        "ПЛОХО",
        "пло\u00adхо",
        "これは悪いです",
        "वह बुरा है",
        "🍆🍆",
        "n\u0430k\u0435d",
    ],
)
def test_a_word_is_found_however_it_is_spelled(text: str) -> None:
    assert says(LIST, text) is True


@pytest.mark.parametrize(
    "text", ["", "badge", "forbad", "nakedly", "worse", "case worse", "बुराई", "плохой", "good 4 you"]
)
def test_other_words_are_let_through(text: str) -> None:
    assert says(LIST, text) is False


@pytest.mark.parametrize(
    ("name", "text", "other"),
    [
        (":links", "see https://x.example/y", "https is a protocol"),
        (":invites", "join disc\u200bord.gg/abc", "discord is fun"),
        (":emails", "write to ann@x.example", "ann @ home"),
        (":phones", "call +44 20 7946 0958", "1024 x 1024 pixels"),
    ],
)
def test_bundled_patterns(name: str, text: str, other: str) -> None:
    assert says(WordList(patterns=(name,)), text) is True
    assert says(WordList(patterns=(name,)), other) is False


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+b", "((a{1,1000}){1,1000}){1,1000}b", "(?:(?:a?){30}){30}a{30}"])
def test_a_pattern_that_could_be_slow_is_not_taken(pattern: str) -> None:
    assert "too " in str(faults(WordList(patterns=(pattern,))))


@pytest.mark.parametrize(
    ("pattern", "fault"), [("(", "cannot be read"), ("a*", "matches every text"), (":x", "no pattern :x")]
)
def test_a_pattern_that_makes_no_sense_is_not_taken(pattern: str, fault: str) -> None:
    assert fault in str(faults(WordList(patterns=(pattern,))))


@pytest.mark.parametrize("pattern", ["(?:(?:a{1000}){1000}){1000}", "a{0,60000}", "(a{ 200 , 300 }){,100}"])
def test_a_pattern_that_would_fill_the_memory_is_not_even_read(pattern: str) -> None:
    assert "repeats too much" in str(faults(WordList(patterns=(pattern,))))
    assert "longer than 200" in str(faults(WordList(patterns=("a" * 201,))))
    assert faults(WordList(patterns=(r"\b(?:\d{2,4}-){3}x",))) is None


@pytest.mark.parametrize("pattern", ["(?R)", "(a(?1)?b)", "(?P<x>a(?&x)?b)", "(?P<x>a(?P>x)?b)", "a(?-1)"])
async def test_a_pattern_that_calls_itself_is_refused_when_it_is_written(pattern: str) -> None:
    assert "calls itself" in str(await check(WordList(patterns=(pattern,))))


LARGE = f"(?:{'(a)?' * 45}){{9999}}z"


@pytest.mark.long
async def test_patterns_that_fill_the_memory_are_refused_when_they_are_written() -> None:
    """Each of them repeats few enough things; it is what is repeated that is large."""
    assert "takes too much time or memory" in str(await check(WordList(patterns=(LARGE,))))
    assert "one by one" in str(await check(WordList(patterns=(LARGE, "harmless"))))
    assert await check(WordList(("bad",), ("harmless", *BUNDLED))) is None


@pytest.mark.long
async def test_a_list_that_fills_the_memory_counts_as_found_and_the_next_one_is_read() -> None:
    assert await read([WordList(patterns=(LARGE,)), WordList(("bad",))], "a cat") == [None, None]
    assert await read([WordList(patterns=("c.t",)), WordList(("bad",))], "a cat") == [True, False]
    assert await read([WordList(("bad",)), WordList(("cat",))], "a cat") == [False, True]


@pytest.mark.parametrize("pattern", ["(?R)", "(", "((a{999}){999}){999}"])
async def test_a_pattern_of_an_older_version_that_would_not_be_taken_now_counts_as_found(pattern: str) -> None:
    assert await read([WordList(patterns=(pattern,))], "a cat") == [None]
    assert await read([WordList(("cat",), (pattern,))], "a cat") == [True]


def test_a_slow_pattern_that_got_in_is_stopped() -> None:
    assert says(WordList(patterns=("(a+)+$",)), "a" * 4000 + "!") is None


HOSTILE = ("(a+)+$", "((a+)+)+$", "(a|aa)+$", r"(\w+\s?)+!", "(a*)*b", "(.*a){12}!", r"(?:(?:a+)+,?)+;")


@pytest.mark.parametrize("pattern", HOSTILE)
def test_no_pattern_goes_on_for_long(pattern: str) -> None:
    """Without its measure of time, each of these would go on for as long as the sun shines."""
    assert says(WordList(patterns=(pattern,)), "a" * 3990 + "!?") in (True, False, None)


class Clock:
    """Each look at it takes four milliseconds."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 0.004
        return self.now


def test_all_patterns_of_a_list_and_all_lists_share_their_time() -> None:
    harmless = [WordList(patterns=("x" * 9, f"y{number}", "z+y", "[0-9]y")) for number in range(20)]
    last = WordList(("bad",))
    assert readings([*harmless[:1], last], "bad", Clock()) == [None, True]
    found = readings([*harmless, last], "bad", Clock())
    assert (found[0], found[-1]) == (None, None)
    assert readings([*harmless, last], "bad")[-1] is True  # it is the time that it hangs on
    assert readings([last], "bad " * 3000) == [None]


@pytest.mark.long
def test_patterns_that_are_too_many_together_are_not_taken() -> None:
    many = tuple(rf"(?:{letter}|[^b]{letter}){{1,40}}{number}" for number in range(300) for letter in "xyz")
    assert "too many patterns" in str(faults(WordList(patterns=many)))


def test_the_bundled_patterns_and_good_ones_are_taken() -> None:
    assert faults(WordList(("bad",), (*BUNDLED, r"gun(s|man)?", r"\bkill\w*"))) is None
    assert "at most 1000" in str(faults(WordList(("x",) * 1001)))


@settings(deadline=None)
@given(st.text(max_size=200))
@pytest.mark.long
def test_any_text_can_be_read(text: str) -> None:
    assert says(LIST, text) in (True, False)
    assert skeleton(skeleton(text)) == skeleton(text)


@settings(deadline=None)
@given(st.text(alphabet="abcde fg", max_size=30), st.text(alphabet="abcde fg", max_size=30))
def test_a_whole_word_is_found_wherever_it_stands(before: str, after: str) -> None:
    assert says(LIST, f"{before} naked {after}") is True
