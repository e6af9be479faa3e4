"""A run's message, through a real bot to a server that refuses what Telegram refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image

from bot.core import metrics
from bot.core.errors import DeliveryFailed, MessageGone, NotNow
from bot.core.model import (
    Cancelled,
    Failed,
    Held,
    Paused,
    Person,
    Place,
    Queued,
    Result,
    ResultFile,
    Running,
    RunSummary,
)
from bot.core.storage.database import Database
from bot.core.storage.key_value import KeyValueStore
from bot.platforms.telegram.api.client import Patience, TelegramApi, connect, disconnect
from bot.platforms.telegram.api.rate_limit import RateLimiter
from bot.platforms.telegram.chats import Chat, address_of
from bot.platforms.telegram.runs.chat_action import ChatActions
from bot.platforms.telegram.runs.media import Way, outgoing
from bot.platforms.telegram.runs.message_state import MessageStates
from bot.platforms.telegram.runs.packing import packed
from bot.platforms.telegram.runs.reply import ReplyContext, TelegramReply
from tests.bot.core.media.test_films import make_animation, make_film
from tests.bot.platforms.telegram.harness import picture
from tests.bot.platforms.telegram.server import TOKEN, BotApi, Kept, Refused, bot_api
from tests.patience import PATIENCE

ANN = Person("telegram", "5", "Ann <&> Co")


@dataclass
class Stage:
    """A message of the bot's in a chat, and what edits it."""

    api: BotApi
    studio: ReplyContext
    folder: Path
    chat: Chat

    async def sent(self) -> Kept:
        message = await self.studio.api.send(self.chat, "In line…")
        return self.api.messages[self.chat.id, message.message_id]

    def reply(self, message: Kept, title: str = "Poster") -> TelegramReply:
        place = Place("telegram", str(self.chat.id))
        brief = RunSummary(str(uuid4()), "poster", title, ANN, place, {"colors": 8, "text": "a <b> & c"})
        return TelegramReply(self.studio, address_of(self.chat, message.id), brief)

    def file(self, name: str, data: bytes | None = None) -> ResultFile:
        path = self.folder / f"{uuid4().hex}{Path(name).suffix}"
        path.write_bytes(picture(kind="PNG") if data is None else data)
        return ResultFile(path, name, "image" if name.endswith(("png", "jpg", "webp")) else "video")

    def result(self, *files: ResultFile, **more: object) -> Result:
        return replace(Result(str(uuid4()), "poster", {}, files), **more)  # type: ignore[arg-type]


@asynccontextmanager
async def stage(folder: Path, chat: int = 5, previews: bool = True) -> AsyncIterator[Stage]:
    async with bot_api() as api, Database.in_folder(folder) as database:
        bot = connect(TOKEN, api.url)
        clock = _Steps()
        try:
            wire = TelegramApi(bot, RateLimiter(clock, clock.sleep), sleep=clock.sleep)
            yield Stage(
                api,
                ReplyContext(wire, KeyValueStore(database), MessageStates(), ChatActions(wire), previews),
                folder,
                Chat(chat),
            )
        finally:
            await disconnect(bot)


class _Steps:
    """A clock that goes on by itself, so that nobody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


async def test_words_then_previews_then_the_result(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.sent()
        reply = on.reply(message)
        await reply.show(Queued(3, 40.0))
        assert "2 runs before" in message.text
        assert message.buttons().keys() == {"Cancel"}
        await on.studio.api.pace._sleep(5)
        await reply.show(Running("KSampler", 2, 9, 0.3, 20.0, picture()))
        assert message.kind == "photo"
        await on.studio.api.pace._sleep(5)
        await reply.show(Running("KSampler", 3, 9, 0.4, 19.0))
        assert "step 3 of 9" in message.text
        await reply.deliver(on.result(on.file("poster.png"), took=3.0))
        assert "Ann <&> Co" in message.text
        assert "took 3 s" in message.text
        before = message.text
        await on.studio.api.pace._sleep(5)
        await reply.show(Queued(1))  # comes too late
        assert message.text == before


@pytest.mark.long
async def test_without_previews_no_picture_is_sent(tmp_path: Path) -> None:
    async with stage(tmp_path, previews=False) as on:
        message = await on.sent()
        await on.studio.api.pace._sleep(5)
        await on.reply(message).show(Running("KSampler", 2, 9, 0.3, 20.0, picture()))
        assert (message.kind, on.api.made("editMessageMedia")) == ("text", [])
        assert not on.reply(message).limits.previews


@pytest.mark.long
async def test_an_album_is_sent_once_whatever_happens_and_its_buttons_below(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.sent()
        reply = on.reply(message)
        result = on.result(*(on.file(f"{number}.png", picture(size=(40 + number, 40))) for number in range(12)))
        on.api.refuse["sendMessage"].append(Refused(403, "Forbidden: bot was kicked"))
        with pytest.raises(DeliveryFailed):
            await reply.deliver(result)
        await reply.deliver(result)
        groups = {each.group for each in on.api.of_bot() if each.group}
        assert [len([each for each in on.api.of_bot() if each.group == group]) for group in groups] in (
            [10, 2],
            [2, 10],
        )
        assert {"Again", "Original", "Delete"} <= message.buttons().keys()


@pytest.mark.long
async def test_the_words_and_buttons_of_an_album_are_the_last_message(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.sent()
        result = on.result(on.file("a.png"), on.file("b.png", picture("red", kind="PNG")))
        reply = on.reply(message)
        for _time in range(2):
            await reply.deliver(result)
            *pictures, last = on.api.of_bot()
            assert [each.kind for each in pictures] == ["photo", "photo"]
            assert last.text.startswith("Poster for Ann")
            assert {"Again", "Original", "Delete"} <= last.buttons().keys()
            assert message.deleted
            later = replace(on.studio, states=MessageStates())  # as another process would
            reply = TelegramReply(later, address_of(on.chat, message.id), reply._brief)


@pytest.mark.long
async def test_where_telegram_does_not_confirm_the_words_below_the_message_has_them(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.sent()
        on.api.cuts.add("sendMessage")
        await on.reply(message).deliver(on.result(on.file("a.png"), on.file("b.png")))
        assert {"Again", "Original", "Delete"} <= message.buttons().keys()


@pytest.mark.long
async def test_a_picture_that_is_no_photo_is_shown_as_one_with_the_file_beside_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.sent()
        large = on.file("wide.png", picture(size=(9000, 1200), kind="PNG"))
        await on.reply(message).deliver(on.result(large))
        assert message.kind == "photo"
        assert max(Image.open(BytesIO(message.media or b"")).size) <= 2560
        (beside,) = [each for each in on.api.of_bot() if each.kind == "document"]
        assert beside.media == large.path.read_bytes()
        assert "Original" not in message.buttons()


@pytest.mark.long
async def test_texts_that_have_no_room_come_as_a_file(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        words = "five < six " * 900
        for files in ((), (on.file("a.png"),), (on.file("a.png"), on.file("b.png"))):
            before = len(on.api.of_bot())
            await on.reply(await on.sent()).deliver(on.result(*files, texts=(words,)))
            added = on.api.of_bot()[before:]
            (beside,) = [each for each in added if each.kind == "document"]
            assert (beside.media or b"").decode() == words
            assert any("The whole text is in the file." in each.text for each in added)


@dataclass(frozen=True, kw_only=True)
class _Impatient(Patience):
    """Waits long until the animation is sent, however slow the machine is, and short for the album, which hangs."""

    api: BotApi

    def of(self, size: int) -> dict[str, Any]:
        return replace(Patience(), answer=0.3 if self.api.made("sendAnimation") else PATIENCE).of(size)


@pytest.mark.parametrize("lost", ["the connection", "the answer"])
@pytest.mark.long
async def test_an_album_that_may_have_come_is_not_sent_again(lost: str, tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.sent()
        if lost == "the connection":
            on.api.cuts.add("sendMediaGroup")
        else:
            on.api.hangs["sendMediaGroup"] = asyncio.Event()
            on.studio.api.patience = _Impatient(api=on.api)
        result = on.result(on.file("a.gif"), on.file("a.mp3", b"a"), on.file("b.mp3", b"b"))
        reply = on.reply(message)
        for _time in range(2):
            await reply.deliver(result)
        assert [len(on.api.made(method)) for method in ("sendAnimation", "sendMediaGroup")] == [1, 1]
        last = on.api.of_bot()[-1]
        assert "has not said whether all files came" in last.text
        assert "Original" in last.buttons()


@pytest.mark.long
async def test_of_a_restored_run_nothing_is_posted_that_may_be_there(tmp_path: Path) -> None:
    """The bot that is gone may have sent the files, and the words below them."""
    async with stage(tmp_path) as on:
        several, large = await on.sent(), await on.sent()
        posted = len(on.api.of_bot())
        replies = [on.reply(message) for message in (several, large)]
        for reply in replies:
            reply._brief = replace(reply._brief, restored=True)
        await replies[0].deliver(on.result(on.file("a.png"), on.file("b.png")))
        await replies[1].deliver(on.result(on.file("wide.png", picture(size=(9000, 1500), kind="PNG"))))
        assert len(on.api.of_bot()) == posted
        for message in (several, large):
            assert "has not said whether all files came. If one is missing, press Original" in message.text
            assert "Original" in message.buttons()
        assert large.kind == "photo"


@pytest.mark.long
async def test_a_result_whose_answer_does_not_come_is_put_into_its_message_again(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.sent()
        on.api.hangs["editMessageMedia"] = asyncio.Event()
        on.studio.api.patience = Patience(answer=0.3)
        delivering = asyncio.create_task(on.reply(message).deliver(on.result(on.file("a.png"))))
        await on.api.until(lambda: on.api.made("editMessageMedia"))
        on.api.hangs.clear()
        await delivering
        assert len(on.api.made("editMessageMedia")) >= 2
        assert len(on.api.of_bot()) == 1


def test_a_line_of_a_megabit_a_second_is_waited_for() -> None:
    for size in (0, 50_000_000, 2_000_000_000):
        limits = Patience().of(size)
        assert limits["write_timeout"] >= size / 125_000
        assert limits["read_timeout"] >= max(20, size / 1_000_000)  # a server of one's own sends it on meanwhile


@pytest.mark.long
async def test_pictures_that_are_no_photos_go_as_documents(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        narrow, wide = picture(size=(10, 400), kind="PNG"), picture(size=(9000, 1200), kind="PNG")
        noise = Image.effect_noise((2000, 1700), 90).convert("RGB")
        noise.save(tmp_path / "noise.png", compress_level=0)
        large = ResultFile(tmp_path / "noise.png", "noise.png", "image")
        for file in (on.file("narrow.png", narrow), on.file("wide.png", wide), large):
            assert (await outgoing(file)).way is Way.DOCUMENT
        message = await on.sent()
        await on.reply(message).deliver(on.result(on.file("narrow.png", narrow)))
        assert message.kind == "photo"  # with white borders: Telegram takes none that is narrower
        assert [each.kind for each in on.api.of_bot()] == ["photo", "document"]
        assert "Original" not in message.buttons()
        small = await packed([large], 900_000, tmp_path)
        assert (await asyncio.to_thread(small.shown[0].file.path.stat)).st_size <= 900_000
        assert "smaller copy" in small.warnings[0]
        video = on.file("clip.mp4", b"x" * 2_000)
        assert "at most" in (await packed([video], 1_000, tmp_path)).warnings[0]


@pytest.mark.long
async def test_apps_are_told_what_they_need_to_play_a_video(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message, film = await on.sent(), make_film(tmp_path / "a.mp4", 0.5, (96, 64))
        await on.reply(message).deliver(on.result(on.file("a.mp4", film.read_bytes())))
        assert {name: message.data["video"][name] for name in ("width", "height", "duration")} == {
            "width": 96,
            "height": 64,
            "duration": 1,
        }
        assert set(message.data["told"]) == {"thumbnail", "supports_streaming"}
        assert "Original" not in message.buttons()


@pytest.mark.parametrize(("name", "kind"), [("a.webp", "animation"), ("a.png", "animation"), ("a.webm", "video")])
@pytest.mark.long
async def test_what_moves_plays_in_place_and_can_be_had_as_it_was(name: str, kind: str, tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.sent()
        path = tmp_path / name
        given = make_animation(path) if kind == "animation" else make_film(path, 0.3, (96, 64))
        await on.reply(message).deliver(on.result(on.file(name, given.read_bytes())))
        assert message.kind == kind
        assert message.data[kind]["width"] in (48, 96)
        assert "Original" in message.buttons()


@pytest.mark.long
async def test_a_video_over_the_limit_is_made_smaller_with_a_word(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", 1, (160, 120))
    size, folder = film.stat().st_size, tmp_path / "packed"
    folder.mkdir()
    packing = await packed([ResultFile(film, "film.mp4", "video")], size // 2, folder)
    assert packing.shown[0].way is Way.VIDEO
    assert packing.shown[0].file.path.stat().st_size <= size // 2
    assert packing.warnings == (f"film.mp4 has {size / 1e6:.1f} MB: this is a smaller copy of it.",)
    assert packing.shown[0].made  # so Original is there


@pytest.mark.long
async def test_what_telegram_cannot_show_goes_as_a_document(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.sent()
        on.api.refuse["editMessageMedia"].append(Refused(400, "Bad Request: IMAGE_PROCESS_FAILED"))
        await on.reply(message).deliver(on.result(on.file("a.png")))
        assert message.kind == "document"


@pytest.mark.parametrize(
    ("name", "kind"), [("a.gif", "animation"), ("a.mp4", "video"), ("a.mp3", "audio"), ("a.wav", "document")]
)
@pytest.mark.long
async def test_each_kind_goes_its_way(name: str, kind: str, tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.sent()
        await on.reply(message).deliver(on.result(on.file(name, b"data")))
        assert message.kind == kind


@pytest.mark.long
async def test_asked_again_it_stays_as_it_is(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.sent()
        reply, result = on.reply(message), on.result(on.file("a.png"))
        await reply.deliver(result)
        await reply.deliver(result)  # "message is not modified"
        assert len(on.api.of_bot()) == 1


@pytest.mark.long
async def test_nothing_is_posted_in_place_of_a_message_that_was_deleted(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.sent()
        message.deleted = True
        await on.studio.api.pace._sleep(9)
        for status in (Queued(1), Failed("It broke."), Cancelled(ANN)):
            with pytest.raises(MessageGone):
                await on.reply(message).show(status)
            await on.studio.api.pace._sleep(9)
        for files in ((), (on.file("a.png"),), (on.file("a.png"), on.file("b.png"))):
            with pytest.raises(MessageGone):
                await on.reply(message).deliver(on.result(*files, texts=("words",)))
        assert on.api.of_bot() == []


@pytest.mark.long
async def test_texts_are_cut_and_escaped(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.sent()
        await on.reply(message, "<Poster> 😀").deliver(on.result(on.file("a.png"), texts=("😀" * 2000,)))
        assert message.text.startswith("<Poster> 😀")
        assert len(message.text.encode("utf-16-le")) // 2 <= 1024
        words = await on.sent()
        await on.reply(words).deliver(on.result(texts=("five < six " * 900,)))
        assert "five < six" in words.text


@pytest.mark.long
async def test_ends_without_a_result(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        for status, words in ((Failed("It <broke>."), "It <broke>."), (Cancelled(ANN), "Cancelled by Ann")):
            message = await on.sent()
            await on.reply(message).show(status)
            assert words in message.text
            assert {"Again", "Change", "Delete"} == message.buttons().keys()
        waiting = await on.sent()
        await on.studio.api.pace._sleep(9)
        await on.reply(waiting).show(Paused())
        assert "restarting" in waiting.text


@pytest.mark.long
async def test_blocked_and_kicked(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.sent()
        on.api.refuse["editMessageMedia"].append(Refused(403, "Forbidden: bot was blocked by the user"))
        with pytest.raises(DeliveryFailed, match="no longer write"):
            await on.reply(message).deliver(on.result(on.file("a.png")))


@pytest.mark.long
async def test_that_a_run_waits_for_moderators_is_said_in_a_group_that_has_no_room_for_a_minute(tmp_path: Path) -> None:
    async with stage(tmp_path, chat=-1009) as on:
        message = await on.sent()
        while len(on.api.of_bot()) < 20:
            await on.sent()
        with pytest.raises(NotNow):
            await on.reply(message).show(Queued(1))
        await on.reply(message).show(Held())
        assert "moderator" in message.text


@pytest.mark.long
async def test_an_end_that_was_refused_just_before_the_bot_was_let_in_again_is_shown(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.sent()
        on.api.refuse["editMessageText"].append(Refused(403, "Forbidden: bot was kicked from the group chat"))
        await on.reply(message).show(Cancelled(ANN))
        assert "Cancelled by Ann" in message.text


@pytest.mark.long
async def test_a_flood_limit_of_one_chat(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.sent()
        edits, limits = metrics.edits["telegram"], metrics.rate_limits["telegram"]
        on.api.refuse["editMessageMedia"].append(Refused(429, "Too Many Requests: retry after 7", retry_after=7))
        await on.reply(message).deliver(on.result(on.file("a.png")))
        assert message.kind == "photo"
        assert (metrics.edits["telegram"], metrics.rate_limits["telegram"]) == (edits + 1, limits + 1)
        assert on.studio.api.pace._clock() >= 7


@pytest.mark.long
async def test_a_group_that_became_a_supergroup(tmp_path: Path) -> None:
    async with stage(tmp_path, chat=-40) as on:
        message = await on.sent()
        on.api.migrated[-40] = -10040
        await on.reply(message).deliver(on.result(on.file("a.png")))
        (moved,) = on.api.of_bot(-10040)  # its messages have other numbers there, so it is sent anew
        assert moved.kind == "photo"


@pytest.mark.long
async def test_spoilers(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.sent()
        await on.studio.notes.put(f"telegram:spoiler:5:{message.id}", True)
        await on.reply(message).deliver(on.result(on.file("a.png")))
        assert message.data["has_media_spoiler"] is True


def replace_faces(on: Stage) -> Stage:
    return replace(on, studio=replace(on.studio, states=MessageStates()))
