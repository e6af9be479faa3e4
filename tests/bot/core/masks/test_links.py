"""Links for masks: signed, bound to one browser, used once, over after minutes, and gone with their person."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from bot.core.masks.links import MINUTES, MaskLink, MaskLinks
from bot.core.media.signed_links import SignedLinks
from bot.core.model import Person, Place
from bot.core.storage.database import Database
from bot.core.storage.key_value import KeyValueStore
from tests.bot.databases import RUNS, fill

ANN = Person("discord", "1", "Ann", frozenset({"7", "8"}), moderator=True, language="de")
HERE = Place("discord", "20", "art", "30", ("40", "50"))


async def test_a_link_is_what_it_was_made_as_until_it_is_over_or_its_person_forgotten(tmp_path: Path) -> None:
    now = 1_000_000.0
    await asyncio.to_thread(fill, tmp_path, RUNS)
    async with KeyValueStore(Database.in_folder(tmp_path), lambda: now) as notes:
        links = MaskLinks(SignedLinks("https://d.example/", notes), notes, lambda: now)
        url = await links.make("run", "photo", ANN, HERE)
        assert url.startswith("https://d.example/mask/")
        token = url.rpartition("/")[2]
        assert await links.is_genuine(token)
        for at in (0, token.index(".") + 1, len(token) - 1):  # its number, its end, its mark
            assert not await links.is_genuine(f"{token[:at]}{'0' if token[at] != '0' else '1'}{token[at + 1 :]}")
        assert not await links.is_genuine("")
        assert not await links.is_genuine("\udcff.\udcff")
        link = await links.find(token)
        assert link == MaskLink(link.id if link else "", "run", "photo", ANN, HERE, now + 60 * MINUTES)
        assert not await links.is_bound(link, "")
        both = await asyncio.gather(links.bind(link, "one"), links.bind(link, "two"))
        assert sorted(both) == [False, True]
        assert sorted(await asyncio.gather(*(links.use(link) for _each in range(3)))) == [False, False, True]
        await links.give_back(link)
        assert await links.use(link)

        other = (await links.make("run", "photo", replace(ANN, id="2"), HERE)).rpartition("/")[2]
        await links.forget(ANN.key)
        assert await links.find(token) is None
        assert await links.find(other) is not None
        assert len(await notes.starting("mask:")) == 1
        now += 60 * MINUTES
        found = await links.find(other)
        assert found is not None
        assert links.is_over(found)
        now += 3600 * 2
        await links.sweep()
        assert await notes.starting("mask:") == {}


async def test_without_an_address_of_the_page_there_are_no_links(tmp_path: Path) -> None:
    await asyncio.to_thread(fill, tmp_path, RUNS)
    async with KeyValueStore(Database.in_folder(tmp_path)) as notes:
        links = MaskLinks(SignedLinks("", notes), notes)
        assert await links.make("run", "photo", ANN, HERE) == ""
        assert not await links.is_genuine("a.b.c")
