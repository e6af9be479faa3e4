"""Disguised words: those that the guide for moderators promises are found, others are not, nor are ordinary words."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.policy.look_alikes import TABLE, plain, skeleton
from bot.core.policy.rules import WordList
from bot.core.policy.word_filter import says

ROOT = Path(__file__).parents[4]
LIST = WordList(("nude", "ass", "fairy", "bad idea"))

FOUND = {
    "as it is": ["nude", "a nude cat", "NUDE", "Nude.", "(nude:1.3)", "1girl,nude,solo", "nude's", "«nude»"],
    "accents and marks": ["nüde", "ñúdé", "n\u0337u\u0337d\u0337e\u0337", "n\u20ddu\u20ddde", "n\u0483ude"],
    "invisible characters": ["nu\u200bde", "nu\u00adde", "n\u2060u\ufe0fde", "\u202enude"],
    "small caps": ["ɴᴜᴅᴇ", "ɴude", "ᴀss"],
    "squared and circled letters": ["🄽🅄🄳🄴", "🅽🆄🅳🅴", "🅝🅤🅓🅔", "ⓝⓤⓓⓔ", "⒩⒰⒟⒠", "🇳🇺🇩🇪", "n🅤de"],
    "letters of other styles": ["ｎｕｄｅ", "𝓷𝓾𝓭𝓮", "𝕟𝕦𝕕𝕖", "ⁿᵘᵈᵉ", "ₙᵤdₑ", "𝚗𝚞𝚍𝚎"],
    "letters of other scripts": ["nudе", "пude", "nυde", "nᑌde", "Ꮪass Ꭺss", "ηude", "nսde", "𐓶 nuⅾe", "ոսԁе", "NUDЕ"],
    "digits and signs": ["nud3", "a55", "@ss", "a$$", "nud€", "nu∂e nud℮"],
    "characters between the letters": [
        "nu-de",
        "n-u-d-e",
        "n.u.d.e",
        "n_u_d_e",
        "nu_de",
        "nu*de",
        "nu'de",
        "nu·de",
        "nu.de",
    ],
    "hyphens of all lengths": ["nu‐de", "nu–de", "nu—de", "nu/de", "nu~de", "a,nu-de,b"],
    "emoji between the letters": ["nu🔥de", "n🔥u🔥d🔥e", "n 🔥 u 🔥 d 🔥 e", "n❤️ude"],
    "lines and tabs between the letters": ["nu\nde", "a big nu\nde cat", "nu-\nde", "nu\r\nde", "nu\tde", "n\nu\nd\ne"],
    "spaced letters": ["n u d e", "a n u d e cat", "n  u  d  e", "I n u d e I", "b a d  i d e a", "3 n u d e 4"],
    "plurals": ["nudes", "asses", "fairies", "fairys", "bad ideas", "nu-des", "n u d e s"],
    "stretched letters": ["nuuude", "nuuuuuudeeee", "assss", "baaad idea"],
    "several at once": ["N-Ü-D-3", "🅽-u-🅳-e-s", "n\u200b u d\u200b e", "ｎ🔥ｕ🔥ｄ🔥ｅｓ"],
}
NOT_FOUND = {
    "pieces of several letters": ["nu de", "n ude", "nud e", "a nu de cat", "nu , de", "nu 🔥 de"],
    "missing and replaced letters": ["n*de", "nde", "n.de", "nvde"],
    "letters that are doubled": ["nuude", "nnude"],
    "letters in another order": ["edun", "ndue", "ǝpnu"],
    "parts of longer words": ["denuded", "nudist", "nudecat", "nude1girl", "classes"],
}
#: Words that have a blocked word within them, words beside each other that make one, and others that people write.
BLOCKED = WordList(
    ("ass", "cunt", "tit", "cum", "anal", "penis", "rape", "nude", "sex", "cock", "dick", "hell", "spic")
)
ORDINARY = re.findall(
    r"\S+",
    """
a I an as is it so us we the and pen but at all in on of to no or by assassin class glass grass pass assess
assets massage bass compass assume Scunthorpe Penistone Essex Sussex Middlesex title titan constitution
entitled competition document cucumber accumulate circumstance canal analysis analogue banal therapist grape
drape scrape trapeze denuded cocktail peacock shuttlecock hancock dickens medick shell hello seashell shellac
spice conspicuous despicable nu de la le un une et au aux y o e é à ô где это и в на он она так тот 花 山 café
naïve Zürich Łódź 3 4k 1girl 8k x86 nud nudge under dune unde dun end
""",
)
SEPARATORS = st.sampled_from([" ", ", ", ". ", "; ", " - ", " & ", " (", ") ", "! ", "? ", ": ", " 🔥 ", ' "', '" '])


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in FOUND.items() for text in texts])
def test_a_disguise_that_the_guide_promises_is_found(kind: str, text: str) -> None:
    assert says(LIST, text) is True


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in NOT_FOUND.items() for text in texts])
def test_a_disguise_that_the_guide_does_not_promise_is_not_found(kind: str, text: str) -> None:
    assert says(LIST, text) is False


@pytest.mark.parametrize("word", ORDINARY)
def test_an_ordinary_word_is_not_found_in_any_case_or_between_any_signs(word: str) -> None:
    for text in (
        word,
        word.upper(),
        word.title(),
        f"{word}.",
        f"({word}:1.2)",
        f"-{word}-",
        f"{word}\n\n{word}",
        f"“{word}”!",
    ):
        assert says(BLOCKED, text) is False


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(ORDINARY), SEPARATORS), max_size=40))
@pytest.mark.long
def test_no_sentence_of_ordinary_words_is_found(words: list[tuple[str, str]]) -> None:
    assert says(BLOCKED, "".join(word + separator for word, separator in words)) is False


@pytest.mark.parametrize("text", ["455 windows", "(101) dogs", "a 7.17 cm lens, 1/250", "455x455", "15, 51 and 533"])
def test_a_number_is_a_number_though_its_digits_look_like_letters(text: str) -> None:
    assert says(WordList(("ass", "lol", "tit", "is", "si", "see")), text) is False


@pytest.mark.parametrize(
    "part", ["a", "a b c dd ", "n u d ", "ab", "a ", "ab\n", "a-", "aaab", "🔥a", "a\u0337", "é é", "1 22 "]
)
def test_the_longest_texts_of_odd_shapes_are_read(part: str) -> None:
    assert says(LIST, (part * 10_000)[:10_000]) is False


@pytest.mark.long
def test_nothing_is_found_in_the_pages_of_the_guide_but_where_it_is_about_words() -> None:
    for page in (ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").glob("*.md")):
        text = re.sub(r"## Words\n.*?\n## ", "", page.read_text("utf-8"), flags=re.DOTALL)
        for paragraph in text.replace("“nude”", "").split("\n\n"):
            assert says(BLOCKED, paragraph[:10_000]) is False, paragraph


@pytest.mark.long
def test_every_letter_and_sign_looks_like_something_that_looks_like_itself() -> None:
    """Ideographs and Korean syllables apart, which are many and alike."""
    characters = [chr(number) for number in (*range(0x3400), *range(0xA000, 0xAC00), *range(0xF900, 0x20000))]
    for character in (each for each in characters if unicodedata.category(each)[0] in "LNSM"):
        assert skeleton(looks := skeleton(character)) == looks


def test_the_table_names_its_source_and_its_license_and_has_only_what_is_needed() -> None:
    text = TABLE.read_text("utf-8")
    assert "confusables.txt, version" in text
    assert "UNICODE LICENSE V3" in text
    for line in filter(None, text.splitlines()):
        if not line.startswith("#"):
            assert all(plain(character) == character for character in line.partition("\t")[2]), line
