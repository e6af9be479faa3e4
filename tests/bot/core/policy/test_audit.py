"""The audit log of a large community is read line by line, and holds up nobody."""

from __future__ import annotations

from bot.core.policy.audit import REFUSED, Audit
from bot.core.policy.scope import community_of
from bot.core.storage.database import Database
from bot.core.storage.schema import audit
from tests.bot.harness import ANN, HERE
from tests.bot.turns import Turns

LINES = 1200


async def test_while_many_lines_are_read_others_have_a_turn(database: Database) -> None:
    book, community = Audit(database, lambda: 5.0), community_of(HERE)
    one = book.line(ANN, HERE, REFUSED, "no").compile().params
    async with database.change() as connection:
        await connection.execute(audit.insert(), [one | {"words": f"no {number}"} for number in range(LINES)])
    newest, oldest = f"no {LINES - 1}", "no 0"
    latest = Turns(book.last_in(community, LINES))
    assert [each.words for each in await latest][:: LINES - 1] == [newest, oldest]
    since = Turns(book.refusals_since(community, 5.0))
    assert [each.words for each in await since][:: LINES - 1] == [oldest, newest]
    own = Turns(book.about(ANN.key))
    lines = await own
    assert [each.words for each in lines][:: LINES - 1] == [oldest, newest]
    assert all(each.own is True for each in lines)
    assert min(latest.given, since.given, own.given) >= 3
