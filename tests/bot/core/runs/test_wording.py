"""Texts that choose, from the request to the server: what is sent is what the rules of the place have judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import BadValue, NotAllowed
from bot.core.model import Done, Person
from bot.core.platform import Narrowing, RuleTarget, Style, WordList
from bot.core.wording.choosing import Chooser
from comfy.embedded import EmbeddedServer
from tests.bot.harness import ANN, BEN, HERE, MOD, Gates, House, house, write_workflows

SPLIT = "{nu|x}{de|y}"  #: three of four are harmless


def seed_of(final: str, text: str) -> str:
    """The first seed with which a text becomes this."""
    return next(str(seed) for seed in range(1000) if Chooser({}, str(seed)).final("words", text) == final)


def write_dice(folder: Path) -> None:
    """A workflow with a text, which waits for its gate, and a seed."""
    made = write_workflows(folder)
    graph: dict[str, Any] = json.loads((made / "gated.json").read_text())
    (made / "dice.json").write_text(json.dumps(graph))
    (made / "dice.toml").write_text(
        '[fields.words]\ntarget = "#2.name"\n[fields.seed]\ntarget = "#1.color"\nkind = "integer"\nseed = true\n'
        "maximum = 65535\n"
    )


async def asked(home: House, words: str, person: Person = ANN, **values: str) -> str:
    return (await home.ask("dice", person, words=words, **values))[0]


@pytest.mark.long
async def test_the_final_text_is_sent_shown_and_judged_and_what_was_written_is_kept(tmp_path: Path) -> None:
    write_dice(tmp_path)
    gates = Gates()
    gates.open()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        acts, runs = home.services.moderation, home.services.runs
        await acts.words(MOD, HERE, "rude", WordList(("nude",)))
        await acts.words(MOD, HERE, "maybe", WordList(("perhaps",), hold=True))
        with pytest.raises(NotAllowed, match="rude"):
            await asked(home, SPLIT, seed=seed_of("nude", SPLIT))
        good, message = await home.ask("dice", words=SPLIT, seed=seed_of("nuy", SPLIT))
        (run,) = await home.ended(good)
        assert gates.passed == ["nuy"] == [run.values["words"]]
        await home.platform.until(lambda: message.last == Done())
        assert message.brief is not None
        assert message.brief.values["words"] == message.results[0].result.values["words"] == "nuy"
        assert run.written["words"] == SPLIT
        for request in (await runs.again(good, BEN, HERE, {}), await runs.changed(good, BEN, HERE)):
            assert request.values == {"words": SPLIT}
        held = await asked(home, "{per|}{haps|}", seed=seed_of("perhaps", "{per|}{haps|}"))
        assert (await home.run(held)).state == "held"
        plain = await home.run(await asked(home, '{"a": 1}', BEN))
        assert (plain.values["words"], plain.wording) == ('{"a": 1}', None)


@pytest.mark.long
async def test_lists_are_those_of_the_place_and_moderators_define_them(tmp_path: Path) -> None:
    write_dice(tmp_path)
    gates = Gates()
    gates.open()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        acts = home.services.moderation
        with pytest.raises(NotAllowed):
            await acts.list_(ANN, HERE, "animal", "cat")
        told = await acts.list_(MOD, HERE, "__Animal__", "nude | nude")
        assert told == "Set the list “animal” everywhere here: __animal__ takes one of its 2 texts."
        assert "2 texts for __animal__ everywhere here" in (await acts.overview(MOD, HERE)).lines
        await acts.words(MOD, HERE, "rude", WordList(("nude",)))
        with pytest.raises(NotAllowed, match="rude"):
            await asked(home, "a __animal__")
        await acts.list_(MOD, HERE, "animal", "cat\ncat")
        export = await acts.export(MOD, HERE)
        assert (await home.run(await asked(home, "a __animal__"))).values["words"] == "a cat"
        assert (await home.run(await asked(home, "a __plant__", BEN))).values["words"] == "a __plant__"
        assert await acts.list_(MOD, HERE, "animal", "") == "Deleted the list “animal” everywhere here."
        assert (await home.run(await asked(home, "a __animal__"))).values["words"] == "a __animal__"
        await acts.import_(MOD, HERE, export)
        assert (await home.run(await asked(home, "a __animal__", BEN))).values["words"] == "a cat"


@pytest.mark.long
async def test_a_final_text_must_fit_the_field_and_what_moderators_fixed_stays_as_it_is(tmp_path: Path) -> None:
    write_dice(tmp_path)
    gates = Gates()
    gates.open()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        acts, dice = home.services.moderation, RuleTarget(workflow="dice")
        await acts.list_(MOD, HERE, "long", "x" * 50)
        await acts.field(MOD, HERE, "words", Narrowing(maximum=20), dice)
        with pytest.raises(BadValue, match="at most 20 characters are allowed, and this has 50"):
            await asked(home, "__long__")
        await acts.field(MOD, HERE, "words", Narrowing(fixed="{a|b}"), dice)
        run_id, _message = await home.ask("dice")
        assert (await home.ended(run_id))[0].values["words"] == "{a|b}"


@pytest.mark.long
async def test_a_style_of_the_place_goes_around_the_words_and_is_judged_with_them(tmp_path: Path) -> None:
    write_dice(tmp_path)
    gates = Gates()
    gates.open()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        acts, runs, presets = home.services.moderation, home.services.runs, home.services.presets
        with pytest.raises(BadValue, match="style: there is no such field"):
            await asked(home, "a cat", style="Film")
        with pytest.raises(NotAllowed):
            await acts.style(ANN, HERE, "Film", Style("a photo of"))
        told = await acts.style(MOD, HERE, "Film", Style("a {nu|nu}", "{de|de} on film"))
        assert told == "Set the style “Film” everywhere here: a {nu|nu} …, {de|de} on film."
        run_id, message = await home.ask("dice", words="a {cat|cat}", style="film", seed="1")
        (run,) = await home.ended(run_id)
        assert gates.passed == ["a nu a cat, de on film"] == [run.values["words"]]
        assert run.written == {"words": "a {cat|cat}", "style": "Film", "seed": 1}
        await home.platform.until(lambda: message.last == Done())
        assert message.brief is not None
        assert message.brief.values == {"words": "a nu a cat, de on film", "style": "Film", "seed": 1}
        assert (await runs.again(run_id, BEN, HERE, {})).values == {"words": "a {cat|cat}", "style": "Film"}
        await presets.keep(ANN, run, "filmed")
        await presets.make_usual(ANN, "filmed", on=True)
        own = await home.ended(await asked(home, "a dog"))
        assert own[0].written == {"words": "a dog", "style": "Film", "seed": own[0].values["seed"]}
        plain = (await home.ended(await asked(home, "a dog", style="")))[0]
        assert plain.values["words"] == "a dog"
        assert (await runs.again(plain.id, ANN, HERE, {})).values == {"words": "a dog", "style": ""}
        await presets.make_usual(ANN, "filmed", on=False)
        with pytest.raises(BadValue, match="style: “comic” is not one of the choices"):
            await asked(home, "a cat", style="comic")
        await acts.words(MOD, HERE, "rude", WordList(("nude",)))
        await acts.style(MOD, HERE, "Film", Style(after=".de"))
        filled = await presets.fill(ANN, HERE, "filmed")
        assert (filled.values, filled.news) == ({"words": "a {cat|cat}", "style": "Film"}, "")
        with pytest.raises(NotAllowed, match="rude"):
            await asked(home, "nu", style="Film")
        await acts.style(MOD, HERE, "comic", Style(after="as a comic"))
        await acts.style(MOD, HERE, "Film", Style())
        filled = await presets.fill(ANN, HERE, "filmed")
        assert filled.values == {"words": "a {cat|cat}"}
        assert "“Film” is not one of the choices: comic." in filled.news
