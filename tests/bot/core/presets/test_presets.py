"""Presets: values kept under a name, which only fill a form in; the rules of the place hold each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.errors import NotAllowed, UserError
from bot.core.model import Person
from bot.core.platform import Narrowing, RuleTarget, WordList
from bot.core.presets.store import PresetStore
from bot.core.storage.database import Database
from comfy.embedded import EmbeddedServer
from tests.bot.core.runs.test_wording import write_dice
from tests.bot.harness import ANN, BEN, HERE, MOD, Gates, House, house, picture


async def kept(home: House, name: str, workflow: str = "dice", person: Person = ANN, **values: object) -> str:
    """Run a workflow, and keep its values."""
    run_id, _message = await home.ask(workflow, person, **values)
    (run,) = await home.ended(run_id)
    return await home.services.presets.keep(person, run, name)


def code_of(told: str) -> str:
    return told.split("code ")[1].split()[0]


@pytest.mark.long
async def test_values_are_kept_used_renamed_and_deleted(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        presets = home.services.presets
        photo = picture(tmp_path / "given")
        told = await kept(home, "Few  Colours", "poster", photo=photo, colors="3", contrast="1.5")
        assert told == "Kept the values of this run of Poster as your preset “Few Colours”."
        filled = await presets.fill(ANN, HERE, "few colours")
        assert (filled.workflow, filled.news) == ("poster", "")
        assert filled.values["colors"] == 3
        assert "photo" not in filled.values  # it carries no files
        assert "Replaced" in await kept(home, "FEW COLOURS", "poster", photo=photo, colors="4")
        assert (await presets.fill(ANN, HERE, "few colours")).values["colors"] == 4
        with pytest.raises(UserError, match="You have no presets yet"):
            await presets.fill(BEN, HERE, "few colours")
        assert "now called “Four”" in await presets.rename(ANN, "few colours", "Four")
        with pytest.raises(UserError, match="Did you mean “Four”"):
            await presets.fill(ANN, HERE, "Fours")
        for wrong in ("", " ", "x" * 61, "a\x07b"):
            with pytest.raises(UserError, match="needs a name"):
                await presets.rename(ANN, "four", wrong)
        assert "Deleted" in await presets.delete(ANN, "four")
        assert await presets.names(ANN) == []


@pytest.mark.long
async def test_a_code_gives_a_copy_until_it_is_taken_back(tmp_path: Path) -> None:
    gates = Gates()
    gates.open()
    write_dice(tmp_path)
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        presets = home.services.presets
        await kept(home, "Mine", words="{nu|nu}{de|de}")
        code = code_of(await presets.share(ANN, "mine"))
        assert len(code) == 20
        assert code_of(await presets.share(ANN, "mine")) == code
        assert "“Mine”, for" in await presets.take(BEN, f" {code.upper()} ")
        assert "“Mine 2”, for" in await presets.take(BEN, code)
        assert "no longer works" in await presets.unshare(ANN, "mine")
        for wrong in (code, "", "x" * 20):
            with pytest.raises(UserError, match="no preset with this code"):
                await presets.take(BEN, wrong)
        await home.services.moderation.words(MOD, HERE, "rude", WordList(("nude",)))
        filled = await presets.fill(BEN, HERE, "mine")
        assert filled.values == {"words": "{nu|nu}{de|de}"}
        with pytest.raises(NotAllowed, match="rude"):
            await home.ask(filled.workflow, BEN, **filled.values)
        assert await home.services.runs.forget(ANN) == 1
        assert await presets.names(ANN) == []
        assert await presets.names(BEN) == ["Mine", "Mine 2"]


@pytest.mark.long
async def test_what_is_not_allowed_here_is_named_and_what_moderators_fill_in_is_passed_over(tmp_path: Path) -> None:
    gates = Gates()
    gates.open()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        acts, presets, gated = home.services.moderation, home.services.presets, RuleTarget(workflow="gated")
        await kept(home, "blue", "gated", gate="a", color="200")
        await acts.field(MOD, HERE, "color", Narrowing(maximum=100), gated)
        filled = await presets.fill(ANN, HERE, "blue")
        assert filled.values == {"gate": "a"}
        assert filled.news == ("These values of “blue” are not taken here:\ncolor: “200” is too large; use 0 to 100.")
        await acts.field(MOD, HERE, "color", Narrowing(fixed="7"), gated)
        await acts.field(MOD, HERE, "gate", Narrowing(fixed="x", hidden=True), gated)
        filled = await presets.fill(ANN, HERE, "blue")
        assert (filled.values, filled.news) == ({}, "")
        await acts.deny(MOD, HERE, gated)
        with pytest.raises(NotAllowed):
            await presets.fill(ANN, HERE, "blue")


@pytest.mark.long
async def test_own_defaults_stand_for_what_is_left_out_where_the_rules_allow_them(tmp_path: Path) -> None:
    gates = Gates()
    gates.open()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        acts, presets, gated = home.services.moderation, home.services.presets, RuleTarget(workflow="gated")
        await kept(home, "blue", "gated", gate="a", color="200")
        assert "leave out in Gated is taken from “blue”" in await presets.make_usual(ANN, "blue", on=True)
        assert (await home.services.workflows.form("gated", ANN, HERE))["color"].default == 200
        assert (await home.services.workflows.form("gated", BEN, HERE))["color"].default == 0
        (run,) = await home.ended((await home.ask("gated", gate="b"))[0])
        assert run.values == {"gate": "b", "color": 200}
        await acts.field(MOD, HERE, "color", Narrowing(maximum=100, default=9), gated)
        (run,) = await home.ended((await home.ask("gated", gate="b"))[0])
        assert run.values["color"] == 9
        assert "as everybody has it again" in await presets.make_usual(ANN, "blue", on=False)
        await acts.field(MOD, HERE, "color", None, gated)
        (run,) = await home.ended((await home.ask("gated", gate="b"))[0])
        assert run.values["color"] == 0


async def test_another_process_sees_defaults_and_forgetting_ends_them(database_url: str) -> None:
    async with Database(database_url) as database:
        here, there = PresetStore(database), PresetStore(database)
        assert await there.usual(("test:1",), "gated") == {}
        assert await here.put(("test:1",), "A", "gated", {"color": 1}, 1) is False
        assert await here.put(("test:1",), "B", "gated", {"color": 1}, 1) is None
        (preset,) = await here.of(("test:1",))
        await here.make_usual(("test:1",), "gated", preset.number)
        assert await there.usual(("test:1",), "gated") == {"color": 1}
        assert await there.usual(("test:2",), "gated") == {}
        await here.forget(("test:1",))
        assert await there.usual(("test:1",), "gated") == {}
        assert await there.of(("test:1",)) == []
