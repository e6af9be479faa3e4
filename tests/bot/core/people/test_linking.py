"""One person with two accounts: what both have once they are joined, and no longer when that has ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.errors import NotAllowed, TooMany, UserError
from bot.core.model import Person, Place
from bot.core.platform import Button, ButtonPress, RuleTarget
from bot.core.storage.ledger import read
from tests.bot.harness import ANN, BEN, HERE, MOD, PLAIN, QuickSettings, house

ALTER = Person("other", "7", "Annie")  # another account of Ann's
ALONE = Place("other", "7")


async def test_two_accounts_are_one_person(tmp_path: Path) -> None:
    async with house(tmp_path, waiting_per_person=1) as home:
        links, runs, presets = home.services.links, home.services.runs, home.services.presets
        (run,) = await home.ended((await home.ask(color="5"))[0])
        await presets.keep(ANN, run, "Fox")
        await presets.make_usual(ANN, "Fox", on=True)
        with pytest.raises(NotAllowed):
            await links.start(ANN, HERE)
        told = await links.start(ANN, HERE, unseen=True)
        code = told.split("Your code is ")[1][:11]
        assert "Ann on Test" in await links.join(ALTER, ALONE, code, sure=False)
        assert "one person now" in await links.join(ALTER, ALONE, code, sure=True)
        with pytest.raises(UserError):
            await links.join(BEN, HERE, code, sure=True, unseen=True)
        assert links.lines(ANN) == ["Joined with Annie on Other."]
        code = (await links.start(ALTER, ALONE)).split("Your code is ")[1][:11]
        page = Person("web", "9")
        told = await links.join(page, Place("web", "9"), code, sure=False)
        assert "the code of Annie on Other, which is joined with Ann on Test." in told
        for other in (ANN, BEN, ALTER):  # each is told before they are asked to be sure
            with pytest.raises(UserError, match=r"joined already|different platforms|this very account"):
                await links.join(other, HERE, code, sure=False, unseen=True)
        history = home.services.history
        assert [each.id for each in (await history.page(ALTER, "plain")).runs] == [run.id]
        assert [each.id for each in (await history.page(ALTER)).runs] == [run.id]
        assert await presets.names(ALTER) == ["Fox"]
        form = await home.services.workflows.form(PLAIN, ALTER, ALONE)
        assert {each.name: each.default for each in form.fields}["color"] == 5
        assert runs.may_change(ALTER, run)
        await runs.check_press(ButtonPress(Button.DELETE, ALTER, ALONE, present=False), run)
        with pytest.raises(NotAllowed):
            await runs.check_press(ButtonPress(Button.DELETE, BEN, HERE), run)

        waiting, _message = await home.ask(PLAIN, ALTER, place=ALONE)  # nobody serves that platform here
        assert [each.run.id for each in await home.services.line.entries(ANN, Place("test", "alone"))] == [waiting]
        with pytest.raises(TooMany):
            await home.ask()
        with pytest.raises(UserError):
            await links.end(BEN)
        await links.end(ANN)
        assert [each.parted for each in read(QuickSettings(data_dir=tmp_path).ledger)] == [ANN.key]  # and not Ben's
        with pytest.raises(TooMany):
            await home.ask()
        assert [each.id for each in (await history.page(ALTER, "plain")).runs] == [waiting]
        assert not runs.may_change(ALTER, run)
        assert await runs.cancel(waiting, ALTER)

        acts = home.services.moderation
        everyone = Place("test", "here", "Here", "guild")
        await acts.block(MOD, everyone, ANN, "spam", aim=RuleTarget())
        assert not home.services.workflows.decide(ANN, HERE, PLAIN).allowed
        assert not home.services.workflows.decide(ALTER, HERE, PLAIN).allowed


@pytest.mark.long
async def test_forgetting_an_account_parts_it_and_leaves_the_others(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        links, runs = home.services.links, home.services.runs
        (run,) = await home.ended((await home.ask())[0])
        code = (await links.start(ALTER, ALONE)).split("Your code is ")[1][:11]
        await links.join(ANN, HERE, code, sure=True, unseen=True)
        erasure, mine = home.services.erasure, Place("test", "alone")
        await home.services.presets.keep(ANN, run, "Fox")
        ends, *_more, others, _all = (await erasure.question(ALTER, ALONE)).lines
        assert ends.startswith("This deletes 0 runs with their files and 0 presets of this account")
        assert others.endswith("no longer joined with this one: Ann on Test.")
        assert "Other" not in " ".join((await erasure.question(ANN, HERE)).lines)  # where others read it
        assert (await erasure.question(ANN, HERE)).everywhere == ""
        assert (
            "all your accounts it is 1 run with its files and 1 preset" in (await erasure.question(ANN, mine)).lines[-1]
        )
        assert await erasure.forget(ALTER) == "0 runs are deleted."
        assert links.lines(ANN) == []
        assert await runs.get(run.id) is not None
        assert (await erasure.question(ANN, mine)).everywhere == ""
        assert await erasure.forget(ANN, everywhere=True) == "1 run is deleted."


@pytest.mark.long
async def test_all_accounts_are_forgotten_at_once(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        links, runs, erasure = home.services.links, home.services.runs, home.services.erasure
        (run,) = await home.ended((await home.ask())[0])
        bens, _message = await home.ask(PLAIN, BEN)
        await home.ended(bens)
        waiting, _message = await home.ask(PLAIN, ALTER, place=ALONE)  # nobody serves that platform here
        code = (await links.start(ALTER, ALONE)).split("Your code is ")[1][:11]
        await links.join(ANN, HERE, code, sure=True, unseen=True)
        _ends, unfinished, *_more = (await erasure.question(ALTER, ALONE)).lines
        assert unfinished == "1 run has not ended: it is cancelled, and deleted within the hour."
        assert await erasure.forget(ALTER, everywhere=True) == "2 runs are deleted."
        assert [await runs.get(each) for each in (run.id, waiting)] == [None, None]
        assert await runs.get(bens) is not None
        assert links.lines(ANN) == links.lines(ALTER) == []
        told = read(QuickSettings(data_dir=tmp_path).ledger)
        assert {each.person for each in told if each.person} == {ANN.key, ALTER.key}
