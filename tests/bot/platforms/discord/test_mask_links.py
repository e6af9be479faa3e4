"""A mask for a run on Discord, drawn on the page: the link is for its person alone, for minutes, and for one run."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.core.policy.audit import Audit
from bot.platforms.web.adapter import WebPlatform
from bot.platforms.web.config import PageConfig
from bot.settings import Settings
from bot.stores import database_as_it_is, key_value
from tests.bot.platforms.discord.fake import Asked, FakeDiscord, Post
from tests.bot.platforms.discord.harness import (
    ALICE,
    BOB,
    channel_of_its_own,
    environ,
    first_file,
    house,
    opened,
    picture,
    results,
)
from tests.bot.platforms.discord.test_moderation import moderate, told
from tests.bot.platforms.web.inpaint import write_inpaint
from tests.bot.platforms.web.linked import Browser, half_mask, looked_at
from tests.ports import free_port


async def link_of(fake: FakeDiscord, asked: Asked) -> str:
    """The address behind the button that only the one who asked can see."""

    def found() -> str:
        posts = [post for post in fake.posts.values() if post.token == asked.token and post.flags & 64]
        buttons = (button for post in posts for row in post.components for button in row["components"])
        return next((button["url"] for button in buttons if "url" in button), "")

    return str(await fake.until(found))


async def _age(settings: Settings, link: str) -> None:
    """Let a link be too old."""
    async with key_value(settings) as notes:
        name = f"mask:{link.rpartition('/')[2].partition('.')[0]}"
        await notes.put(name, {**await notes.get(name), "until": 0.0})


async def test_a_mask_is_drawn_with_a_link_that_works_once_for_one_browser(tmp_path: Path) -> None:
    await asyncio.to_thread(write_inpaint, tmp_path / "workflows")
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    more = {"DARKROOM_PUBLIC_URL": base}
    page = WebPlatform(PageConfig(ports=(port,)))
    async with (
        FakeDiscord() as fake,
        house(fake, tmp_path, workflows=tmp_path / "workflows", settings=more, beside=[page]),
        Browser() as browser,
        Browser() as other,
    ):
        channel = await channel_of_its_own(fake)
        await fake.slash(ALICE, channel, "negative", {"photo": picture()})
        [plain] = await results(fake, channel)
        assert "Draw a mask" not in plain.labels
        await fake.slash(ALICE, channel, "inpaint", {"image": picture(color="#204060")})
        post: Post = (await results(fake, channel, 2))[-1]
        await told(fake, await fake.click(BOB, post, "Draw a mask"), "for another person")
        link = await link_of(fake, await fake.click(ALICE, post, "Draw a mask"))
        assert link.startswith(f"{base}/mask/")

        await looked_at(link)
        status, task = await browser.open(link)
        assert (status, task["title"], task["field"]) == (200, "Inpaint", "Picture")
        assert (await browser.get(f"{link}/plain"))[1][:3] == b"\xff\xd8\xff"
        assert opened((await browser.get(f"{link}/whole"))[1]).getpixel((0, 0)) == (0x20, 0x40, 0x60)
        assert (await other.open(link))[0] == 403
        assert (await other.get(f"{link}/whole"))[0] == 403
        assert (await other.save(link, half_mask()))[0] == 403
        forged = link[:-1] + ("0" if link[-1] != "0" else "1")
        assert (await browser.open(forged))[0] == 403
        assert (await browser.save(link, crop="0.5,0,0.4,1"))[0] == 422  # uses nothing up

        await told(fake, await moderate(fake, channel, "limit", {"measure": "hour", "most": 0}), "Set the limit")
        status, said = await browser.save(link, half_mask())
        assert status == 429, said
        await told(fake, await moderate(fake, channel, "limit", {"measure": "hour", "most": 9}), "Set the limit")
        assert (await browser.save(link, half_mask()))[0] == 201  # the refused one has used nothing up
        drawn = (await results(fake, channel, 3))[-1]
        made = opened(first_file(drawn)).convert("RGB")
        assert made.getpixel((4, 24)) == (255 - 0x20, 255 - 0x40, 255 - 0x60)
        assert made.getpixel((60, 24)) == (0x20, 0x40, 0x60)
        status, said = await browser.save(link, half_mask())
        assert status == 403
        assert "before" in said["error"]

        again = await link_of(fake, await fake.click(ALICE, drawn, "Draw a mask"))
        assert (await browser.open(again))[0] == 200
        await _age(Settings.read(environ(fake, tmp_path, **more), None), again)
        status, said = await browser.save(again, half_mask())
        assert status == 403
        assert "too old" in said["error"]

        log = await moderate(fake, channel, "log")
        for words in ("another browser", "not opened in this browser", "saved with this link before", "too old"):
            await told(fake, log, words)
        async with database_as_it_is(Settings.read(environ(fake, tmp_path, **more), None)) as records:
            assert any("not a link that was made here" in each.words for each in await Audit(records).last_in(""))
