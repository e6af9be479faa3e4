"""What moderators decide holds of runs that wait; what a server has begun is finished."""

from __future__ import annotations

from pathlib import Path

from bot.core.audit import REFUSED
from bot.core.authority import Aim
from bot.core.chat import Failed, Held, Place
from bot.core.rules import Manner
from bot.core.run import State
from bot.serve import Role
from bot.servers import NamedServer
from comfy.embedded import EmbeddedServer
from tests.bot.houses import ANN, BEN, HERE, MOD, PLAIN, Gates, RecordingPlatform, house, running, until

ELSEWHERE = Place("test", "other", "#other", "another")


async def test_what_waits_is_refused_or_goes_on_as_was_decided(tmp_path: Path) -> None:
    gates = Gates()
    async with house(tmp_path, servers=[EmbeddedServer(nodes=gates.nodes())]) as home:
        acts = home.desk.moderation
        begun, at_work = await home.ask("gated", gate="x")
        await home.platform.until(running(at_work))
        blocked, shown = await home.ask()
        denied, told = await home.ask("gated", BEN, gate="y")
        seen, looked_at = await home.ask(PLAIN, BEN)
        elsewhere, _ = await home.ask(PLAIN, ANN, place=ELSEWHERE)

        await acts.block(MOD, HERE, ANN, "spam")
        await acts.deny(MOD, HERE, Aim(workflow="gated"))
        await acts.review(MOD, HERE, on=True)
        await acts.where(MOD, HERE, Manner(spoilers=True))

        async def is_amended() -> bool:
            run = await home.run(seen)
            return run.review and run.manner.spoilers is True

        await until(is_amended)
        await home.platform.until(lambda: isinstance(shown.last, Failed) and isinstance(told.last, Failed))
        assert shown.last == Failed("A moderator has blocked you in all places here. The reason: spam")
        assert told.last == Failed("“gated” is denied in all places here.")
        gates.open()
        runs = await home.ended(begun, blocked, denied, elsewhere)
        assert [run.state for run in runs] == [State.DONE, State.FAILED, State.FAILED, State.DONE]
        await home.platform.until(lambda: looked_at.last == Held())
        refusals = [entry.words for entry in await acts.log(MOD, HERE) if entry.act == REFUSED]
        assert len(refusals) == 2


async def test_what_was_decided_while_nobody_looked_holds_from_the_start(tmp_path: Path) -> None:
    platform = RecordingPlatform()
    async with house(tmp_path, platform, [], Role(worker=None)) as home:
        run_id, message = await home.ask()
    async with house(tmp_path, platform, [NamedServer("away", "http://127.0.0.1:9")], Role(chat=False)) as home:
        await home.desk.moderation.block(MOD, HERE, ANN)
    async with house(tmp_path, platform, [], Role(worker=None)) as home:
        (run,) = await home.ended(run_id)
        assert run.state is State.FAILED
        await platform.until(lambda: isinstance(message.last, Failed))
