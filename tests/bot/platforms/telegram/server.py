"""A Bot API server that remembers: chats, messages, files, floods; it refuses what Telegram refuses, in its words."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
from aiohttp import web
from PIL import Image

from tests.patience import PATIENCE

TOKEN = "123456:fake-token"  # noqa: S105 - of a server of ours
BOT = {"id": 123456, "is_bot": True, "first_name": "Darkroom", "username": "darkroom_bot"}
_MEDIA = ("photo", "document", "video", "animation", "audio")
_MAY = (
    *("can_change_info", "can_invite_users", "can_pin_messages", "can_send_messages", "can_send_polls"),
    *("can_send_other_messages", "can_add_web_page_previews", "can_manage_topics", "can_send_audios"),
    *("can_send_documents", "can_send_photos", "can_send_videos", "can_send_video_notes", "can_send_voice_notes"),
    *("can_edit_tag", "can_react_to_messages"),
)
_TAGS = {"b", "i", "u", "s", "a", "code", "pre", "tg-spoiler", "blockquote"}


class Refused(Exception):
    def __init__(self, status: int, text: str, **parameters: Any) -> None:
        super().__init__(text)
        self.status, self.parameters = status, parameters


@dataclass
class Call:
    """One request: when it was whole, and when it began (in seconds since 1970)."""

    method: str
    data: dict[str, Any]
    at: float
    begun: float = 0.0
    status: int = 200

    @property
    def chat(self) -> int:
        return int(self.data.get("chat_id", 0))


@dataclass
class Kept:
    """A message as the server has it."""

    chat: int
    id: int
    data: dict[str, Any]
    reply_markup: dict[str, Any] | None = None
    media: bytes | None = None
    kind: str = "text"
    group: str = ""
    deleted: bool = False
    answers: int | None = None
    names: list[int] = field(default_factory=list)  # people who are mentioned by their id

    @property
    def text(self) -> str:
        return str(self.data.get("text") or self.data.get("caption") or "")

    def buttons(self) -> dict[str, str]:
        rows = (self.reply_markup or {}).get("inline_keyboard", [])
        return {button["text"]: button["callback_data"] for row in rows for button in row}


@dataclass
class Flood:
    """So many requests in so many seconds; None for no limit."""

    private: tuple[int, float] | None = None
    group: tuple[int, float] | None = None
    overall: tuple[int, float] | None = None


class BotApi:
    """The server's state. Tests say what people do, and wait for what the bot does."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.url = ""
        self.calls: list[Call] = []
        self.messages: dict[tuple[int, int], Kept] = {}
        self.files: dict[str, bytes] = {}
        self.commands: dict[str, list[dict[str, str]]] = {}
        self.chats: dict[int, dict[str, Any]] = {}  # those in which somebody has written
        self.administrators: set[tuple[int, int]] = set()
        self.muted: set[tuple[int, int]] = set()  # members who may not write
        self.flood = Flood()
        self.webhook: dict[str, Any] = {}
        self.refuse: dict[str, list[Refused]] = defaultdict(list)
        self.broken: dict[str, Refused] = {}  # refused for as long as it is here
        self.migrated: dict[int, int] = {}
        self.languages: dict[int, str] = {}  # of people whose Telegram says it
        self.shut: dict[int, str] = {}  # chats that the bot was sent away from, and how Telegram says so
        self.gates: dict[str, asyncio.Event] = {}  # what is not begun before they open
        self.waits: Counter[str] = Counter()  # what has come to a gate
        self.hangs: dict[str, asyncio.Event] = {}  # what is done at once and not answered before they open
        self.cuts: set[str] = set()  # what is done once more, and then the connection is lost
        self.token = TOKEN
        self.local: Path | None = None  # the folder of a server that was started with --local
        self._ids, self._update_ids, self._file_ids = itertools.count(1000), itertools.count(1), itertools.count(1)
        self._updates: deque[dict[str, Any]] = deque()
        self._pollers = 0
        self._news = asyncio.Condition()
        self._sent: dict[Any, deque[float]] = defaultdict(deque)

    # What people do.

    def person(self, number: int, name: str = "Ann", **more: Any) -> dict[str, Any]:
        spoken = {"language_code": self.languages[number]} if number in self.languages else {}
        return {"id": number, "is_bot": False, "first_name": name, **spoken, **more}

    def private(self, number: int, name: str = "Ann") -> dict[str, Any]:
        return {"id": number, "type": "private", "first_name": name}

    def group(self, number: int = -100500, **more: Any) -> dict[str, Any]:
        return {"id": number, "type": "supergroup", "title": "Friends", **more}

    async def write(
        self,
        text: str = "",
        *,
        user: int = 1,
        chat: dict[str, Any] | None = None,
        photo: bytes | None = None,
        document: tuple[str, bytes, str] | None = None,
        reply_to: int | None = None,
        **more: Any,
    ) -> int:
        """Somebody writes a message; its id."""
        place = self.chats.setdefault((chat or {}).get("id", user), chat or self.private(user))
        named = {"username": place["username"]} if place["type"] == "private" and "username" in place else {}
        own = {} if place["type"] == "channel" else {"from": self.person(user, f"User{user}", **named)}
        message = self._message(place, own | more)
        caption = photo is not None or document is not None
        if text:
            message["caption" if caption else "text"] = text
            key = "caption_entities" if caption else "entities"
            if text.startswith("/"):
                message[key] = [{"type": "bot_command", "offset": 0, "length": len(text.split()[0])}]
        if photo is not None:
            small = self._keep(photo)
            width, height = Image.open(BytesIO(photo)).size
            sizes = [{"width": 90, "height": 60, "file_id": small, "file_unique_id": "s", "file_size": 10}]
            sizes.append({**sizes[0], "file_id": self._keep(photo), "width": width, "height": height})
            message["photo"] = sizes
        if document is not None:
            name, data, mime = document
            message["document"] = {
                "file_id": self._keep(data),
                "file_unique_id": "d",
                "file_name": name,
                "mime_type": mime,
            }
        if reply_to is not None:
            message["reply_to_message"] = self._shown(self.messages[place["id"], reply_to])
        kind = "photo" if photo is not None else "text"
        self.messages[place["id"], message["message_id"]] = Kept(place["id"], message["message_id"], message, kind=kind)
        await self.update({"channel_post" if place["type"] == "channel" else "message": message})
        return int(message["message_id"])

    async def press(self, message: Kept, label: str, *, user: int = 1, chat: dict[str, Any] | None = None) -> str:
        """Somebody presses a button; the query's id."""
        data = next(data for text, data in message.buttons().items() if text.startswith(label))
        query = {
            "id": f"q{next(self._ids)}",
            "from": self.person(user, f"User{user}"),
            "message": self._shown(message) | {"chat": chat or self.private(message.chat)},
            "chat_instance": "c",
            "data": data,
        }
        await self.update({"callback_query": query})
        return str(query["id"])

    async def send_away(self, chat: dict[str, Any], user: int) -> None:
        """Somebody puts the bot out of a group, or blocks it in private."""
        private = chat["type"] == "private"
        self.shut[chat["id"]] = "bot was blocked by the user" if private else "bot was kicked from the supergroup chat"
        await self._change_of_bot(chat, user, "member", "kicked")

    async def let_in(self, chat: dict[str, Any], user: int) -> None:
        """Somebody has the bot back."""
        del self.shut[chat["id"]]
        await self._change_of_bot(chat, user, "kicked", "member")

    async def _change_of_bot(self, chat: dict[str, Any], user: int, before: str, after: str) -> None:
        states = {"old_chat_member": before, "new_chat_member": after}
        told = {
            key: {"user": BOT, "status": state, **({"until_date": 0} if state == "kicked" else {})}
            for key, state in states.items()
        }
        own = self.person(user, f"User{user}")
        await self.update({"my_chat_member": {"chat": chat, "from": own, "date": int(time.time()), **told}})

    def has_taken_all(self) -> bool:
        """True if the bot has every update, and asks for more."""
        return bool(self._pollers) and not self._updates

    async def update(self, content: dict[str, Any]) -> None:
        update = {"update_id": next(self._update_ids), **content}
        if self.webhook.get("url"):
            await self.call_webhook(update)
            return
        self._updates.append(update)
        async with self._news:
            self._news.notify_all()

    async def call_webhook(self, update: dict[str, Any], **headers: str) -> int:
        own = {"X-Telegram-Bot-Api-Secret-Token": self.webhook.get("secret_token", ""), **headers}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.webhook["target"], json=update, headers=own) as answer,
        ):
            return answer.status

    # What the bot has done.

    async def until(self, condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Wait until something that the bot did makes it true."""
        async with asyncio.timeout(seconds), self._news:
            return await self._news.wait_for(condition)

    def of_bot(self, chat: int | None = None) -> list[Kept]:
        """The bot's messages that are there, in order."""
        own = [each for each in self.messages.values() if each.data.get("from", {}).get("id") == BOT["id"]]
        return [each for each in own if not each.deleted and chat in (None, each.chat)]

    def made(self, method: str, chat: int | None = None) -> list[Call]:
        return [call for call in self.calls if call.method == method and chat in (None, call.chat)]

    # The methods.

    async def answer(self, method: str, data: dict[str, Any]) -> Any:
        if (gate := self.gates.get(method)) is not None:
            self.waits[method] += 1
            async with self._news:
                self._news.notify_all()
            await gate.wait()
        if method in self.broken:
            raise self.broken[method]
        if self.refuse[method]:
            raise self.refuse[method].pop(0)
        handler = getattr(self, f"_do_{re.sub('(?<!^)(?=[A-Z])', '_', method).lower()}", None)
        if handler is None:
            raise Refused(404, "Not Found: method not found")
        if "chat_id" in data:
            self._check_chat(method, data)
        return await handler(data)

    def _check_chat(self, method: str, data: dict[str, Any]) -> None:
        chat = int(data["chat_id"])
        if chat in self.migrated:
            raise Refused(
                400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=self.migrated[chat]
            )
        if chat in self.shut:
            raise Refused(403, f"Forbidden: {self.shut[chat]}")
        counted = method.startswith(("send", "edit")) and (chat < 0 or method != "sendChatAction")
        if counted:
            cost = len(json.loads(data["media"])) if method == "sendMediaGroup" else 1
            self._count(("chat", chat), self.flood.private if chat > 0 else self.flood.group, cost)
            self._count("all", self.flood.overall, cost)

    def _count(self, key: Any, limit: tuple[int, float] | None, cost: int) -> None:
        if limit is None:
            return
        now, sent = self.clock(), self._sent[key]
        while sent and sent[0] <= now - limit[1]:
            sent.popleft()
        if len(sent) + cost > limit[0]:
            after = max(1, round(sent[0] + limit[1] - now))
            raise Refused(429, f"Too Many Requests: retry after {after}", retry_after=after)
        sent.extend([now] * cost)

    async def _do_get_me(self, data: dict[str, Any]) -> Any:
        return {**BOT, "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}

    async def _do_get_updates(self, data: dict[str, Any]) -> Any:
        if self.webhook.get("url"):
            raise Refused(409, "Conflict: can't use getUpdates method while webhook is active")
        if self._pollers:
            raise Refused(409, "Conflict: terminated by other getUpdates request; make sure that only one runs")
        offset = int(data.get("offset", 0))
        while self._updates and self._updates[0]["update_id"] < offset:
            self._updates.popleft()
        self._pollers += 1
        try:
            async with asyncio.timeout(float(data.get("timeout", 0))), self._news:
                await self._news.wait_for(lambda: self._updates)
        except TimeoutError:
            pass
        finally:
            self._pollers -= 1
        return list(self._updates)[: int(data.get("limit", 100))]

    async def _do_delete_webhook(self, data: dict[str, Any]) -> Any:
        self.webhook = {}
        return True

    async def _do_set_webhook(self, data: dict[str, Any]) -> Any:
        self.webhook = {**data, "target": self.webhook.get("target", data["url"])}
        return True

    async def _do_set_my_commands(self, data: dict[str, Any]) -> Any:
        commands = json.loads(data["commands"])
        for each in commands:
            if not re.fullmatch("[a-z0-9_]{1,32}", each["command"]):
                raise Refused(400, "Bad Request: BOT_COMMAND_INVALID")
            if not 1 <= len(each["description"]) <= 256:
                raise Refused(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
        if len(commands) > 100:
            raise Refused(400, "Bad Request: BOT_COMMANDS_TOO_MUCH")
        self.commands[data.get("scope", "{}")] = commands
        return True

    async def _do_send_message(self, data: dict[str, Any]) -> Any:
        text = self._parsed(data, "text", 4096)
        if not text:
            raise Refused(400, "Bad Request: message text is empty")
        return self._shown(self._new(data, {"text": text}))

    async def _send_file(self, kind: str, data: dict[str, Any]) -> Any:
        caption = self._parsed(data, "caption", 1024)
        content = self._uploaded(data, data[kind])
        _check_upload(kind, content)
        file = self._keep(content)
        return self._shown(self._new(data, {"caption": caption, **_described(kind, file, data)}, content, kind))

    async def _do_send_photo(self, data: dict[str, Any]) -> Any:
        return await self._send_file("photo", data)

    async def _do_send_document(self, data: dict[str, Any]) -> Any:
        return await self._send_file("document", data)

    async def _do_send_video(self, data: dict[str, Any]) -> Any:
        return await self._send_file("video", data)

    async def _do_send_animation(self, data: dict[str, Any]) -> Any:
        return await self._send_file("animation", data)

    async def _do_send_audio(self, data: dict[str, Any]) -> Any:
        return await self._send_file("audio", data)

    async def _do_send_media_group(self, data: dict[str, Any]) -> Any:
        media = json.loads(data["media"])
        kinds = {each["type"] for each in media}
        if not 2 <= len(media) <= 10:
            raise Refused(400, "Bad Request: wrong number of items in the album")
        if "animation" in kinds or (kinds & {"document", "audio"} and len(kinds) > 1):
            raise Refused(400, "Bad Request: document can't be mixed with other media types")
        if "reply_markup" in data:
            raise Refused(400, "Bad Request: reply markup is not allowed")
        group, sent = f"g{next(self._ids)}", []
        for each in media:
            content = self._uploaded(data, each["media"])
            _check_upload(each["type"], content)
            caption = self._parsed(each | {"parse_mode": each.get("parse_mode")}, "caption", 1024)
            more = {"caption": caption, **_described(each["type"], self._keep(content), each)}
            sent.append(self._new(data, {**more, "media_group_id": group}, content, each["type"], group))
        return [self._shown(each) for each in sent]

    async def _do_edit_message_text(self, data: dict[str, Any]) -> Any:
        message = self._found(data)
        if message.kind != "text":
            raise Refused(400, "Bad Request: there is no text in the message to edit")
        return self._edited(message, data, text=self._parsed(data, "text", 4096))

    async def _do_edit_message_caption(self, data: dict[str, Any]) -> Any:
        message = self._found(data)
        if message.kind == "text":
            raise Refused(400, "Bad Request: there is no caption in the message to edit")
        return self._edited(message, data, caption=self._parsed(data, "caption", 1024))

    async def _do_edit_message_media(self, data: dict[str, Any]) -> Any:
        message, media = self._found(data), json.loads(data["media"])
        caption = self._parsed(media, "caption", 1024)
        content = self._uploaded(data, media["media"])
        _check_upload(media["type"], content)
        markup = json.loads(data["reply_markup"]) if "reply_markup" in data else None
        if (message.media, message.text, message.reply_markup) == (content, caption, markup):
            raise Refused(400, _SAME)
        message.media, message.kind, message.reply_markup = content, media["type"], markup
        message.data = {key: value for key, value in message.data.items() if key not in ("text", *_MEDIA)}
        message.data |= {"caption": caption, "has_media_spoiler": media.get("has_spoiler", False)}
        message.data |= _described(media["type"], self._keep(content), media)
        return self._shown(message)

    async def _do_edit_message_reply_markup(self, data: dict[str, Any]) -> Any:
        return self._edited(self._found(data), data)

    async def _do_delete_message(self, data: dict[str, Any]) -> Any:
        message = self.messages.get((int(data["chat_id"]), int(data["message_id"])))
        if message is None or message.deleted:
            raise Refused(400, "Bad Request: message to delete not found")
        message.deleted = True
        return True

    async def _do_answer_callback_query(self, data: dict[str, Any]) -> Any:
        if len(data.get("text", "")) > 200:
            raise Refused(400, "Bad Request: MESSAGE_TOO_LONG")
        return True

    async def _do_send_chat_action(self, data: dict[str, Any]) -> Any:
        return True

    async def _do_get_file(self, data: dict[str, Any]) -> Any:
        if data["file_id"] not in self.files:
            raise Refused(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        if self.local is None and len(self.files[data["file_id"]]) > 20_000_000:
            raise Refused(400, "Bad Request: file is too big")
        path = f"files/{data['file_id']}.bin"
        if self.local is not None:
            (self.local / data["file_id"]).write_bytes(self.files[data["file_id"]])
            path = str(self.local / data["file_id"])
        return {"file_id": data["file_id"], "file_unique_id": "u", "file_path": path}

    async def _do_get_chat(self, data: dict[str, Any]) -> Any:
        number = int(data["chat_id"])
        known = self.chats.get(number) or (self.private(number) if number > 0 else self.group(number))
        return {**known, "accent_color_id": 0, "max_reaction_count": 1}

    async def _do_get_chat_member(self, data: dict[str, Any]) -> Any:
        admin = (int(data["chat_id"]), int(data["user_id"])) in self.administrators
        user = self.person(int(data["user_id"]))
        if (int(data["chat_id"]), int(data["user_id"])) in self.muted:
            return {"status": "restricted", "user": user, "is_member": True, "until_date": 0} | dict.fromkeys(
                _MAY, False
            )
        if not admin:
            return {"status": "member", "user": user}
        rights = [
            "can_be_edited",
            "is_anonymous",
            "can_manage_chat",
            "can_delete_messages",
            "can_manage_video_chats",
            "can_restrict_members",
            "can_promote_members",
            "can_change_info",
            "can_invite_users",
            "can_post_stories",
            "can_edit_stories",
            "can_delete_stories",
        ]
        return {"status": "administrator", "user": user, **dict.fromkeys(rights, False)}

    # What it is made of.

    def _message(self, chat: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
        return {"message_id": next(self._ids), "date": int(time.time()), "chat": chat, **more}

    def _new(
        self,
        data: dict[str, Any],
        more: dict[str, Any],
        media: bytes | None = None,
        kind: str = "text",
        group: str = "",
    ) -> Kept:
        chat = int(data["chat_id"])
        markup = json.loads(data["reply_markup"]) if "reply_markup" in data else None
        _check_markup(markup)
        place = self.private(chat) if chat > 0 else self.group(chat)
        own = self._message(place, {"from": BOT, "has_media_spoiler": data.get("has_spoiler") == "true", **more})
        if "message_thread_id" in data:
            own |= {"message_thread_id": int(data["message_thread_id"]), "is_topic_message": True}
        kept = Kept(chat, own["message_id"], own, markup, media, kind, group)
        kept.answers = _in_json(data.get("reply_parameters")).get("message_id")
        kept.names = [int(each) for each in re.findall(r"tg://user\?id=(\d+)", str(data.get("text") or ""))]
        self.messages[chat, kept.id] = kept
        return kept

    def _found(self, data: dict[str, Any]) -> Kept:
        message = self.messages.get((int(data["chat_id"]), int(data["message_id"])))
        if message is None or message.deleted:
            raise Refused(400, "Bad Request: message to edit not found")
        if message.data.get("from", {}).get("id") != BOT["id"]:
            raise Refused(400, "Bad Request: message can't be edited")
        return message

    def _edited(self, message: Kept, data: dict[str, Any], **more: str) -> Any:
        markup = json.loads(data["reply_markup"]) if "reply_markup" in data else None
        _check_markup(markup)
        if markup == message.reply_markup and all(message.data.get(key) == value for key, value in more.items()):
            raise Refused(400, _SAME)
        message.reply_markup, message.data = markup, message.data | more
        return self._shown(message)

    def _shown(self, message: Kept) -> dict[str, Any]:
        return {**message.data, **({"reply_markup": message.reply_markup} if message.reply_markup else {})}

    def _parsed(self, data: dict[str, Any], key: str, most: int) -> str:
        text = str(data.get(key) or "")
        if data.get("parse_mode") == "HTML":
            text = _Markup.read(text)
        if len(text.encode("utf-16-le")) // 2 > most:
            words = "message is too long" if key == "text" else "message caption is too long"
            raise Refused(400, f"Bad Request: {words}")
        return text.strip()

    def _uploaded(self, data: dict[str, Any], value: Any) -> bytes:
        if isinstance(value, bytes):
            return value
        if str(value).startswith("attach://"):
            return bytes(data[str(value).removeprefix("attach://")])
        if value in self.files:
            return self.files[value]
        if self.local is not None and str(value).startswith("file://"):
            return Path(unquote(urlsplit(value).path)).read_bytes()
        raise Refused(400, "Bad Request: wrong file identifier/HTTP URL specified")

    def _keep(self, content: bytes) -> str:
        name = f"file{next(self._file_ids)}"
        self.files[name] = content
        return name

    # Over HTTP.

    async def receive(self, request: web.Request) -> web.Response:
        token, method = request.match_info["token"], request.match_info["method"]
        if token != self.token:
            return _json(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
        begun = time.time()
        data = await _read(request)
        call = Call(method, data, self.clock(), begun)
        self.calls.append(call)
        try:
            answer = {"ok": True, "result": await self.answer(method, data)}
        except Refused as refused:
            call.status = refused.status
            answer = {"ok": False, "error_code": refused.status, "description": str(refused)}
            if refused.parameters:
                answer["parameters"] = refused.parameters
        async with self._news:
            self._news.notify_all()
        if (hang := self.hangs.get(method)) is not None:
            await hang.wait()
        if method in self.cuts and request.transport is not None:
            self.cuts.remove(method)
            request.transport.abort()
        return _json(call.status, answer)

    async def give(self, request: web.Request) -> web.Response:
        name = request.match_info["path"].removeprefix("files/").removesuffix(".bin")
        return web.Response(body=self.files[name]) if name in self.files else web.Response(status=404)


@asynccontextmanager
async def bot_api(api: BotApi | None = None) -> AsyncIterator[BotApi]:
    """A server on a free port; `url` is what TELEGRAM_API_URL is set to."""
    api = api or BotApi()
    application = web.Application(client_max_size=2**31)
    application.router.add_route("*", "/file/bot{token}/{path:.+}", api.give)
    application.router.add_route("*", "/bot{token}/{method}", api.receive)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        api.url = f"http://{host}:{port}"
        yield api
    finally:
        await runner.cleanup()


_SAME = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a"
    " current content and reply markup of the message"
)


async def _read(request: web.Request) -> dict[str, Any]:
    if request.content_type == "multipart/form-data":
        data: dict[str, Any] = {}
        async for part in await request.multipart():
            content = await part.read()
            data[part.name] = bytes(content) if part.filename is not None else content.decode()
        return data
    return dict(await request.post())


def _json(status: int, content: Any) -> web.Response:
    return web.json_response(content, status=status)


def _described(kind: str, file: str, told: Mapping[str, Any]) -> dict[str, Any]:
    named = {"file_id": file, "file_unique_id": f"u{file}"}
    if kind == "photo":
        return {"photo": [{**named, "width": 100, "height": 100}]}
    if kind == "document":
        return {"document": {**named, "mime_type": "image/png", "file_name": "file.png"}}
    if kind == "audio":
        return {"audio": {**named, "duration": 1}}
    known = {name: int(told.get(name, 1)) for name in ("width", "height", "duration")}
    seen = {name: told[name] for name in ("thumbnail", "supports_streaming") if name in told}
    return {kind: {**named, **known}, "told": seen}


def _check_upload(kind: str, content: bytes) -> None:
    if not content:
        raise Refused(400, "Bad Request: file must be non-empty")
    if kind == "photo":
        if len(content) > 10_000_000:
            raise Refused(400, "Bad Request: file is too big for a photo")
        try:
            width, height = Image.open(BytesIO(content)).size
        except OSError:
            raise Refused(400, "Bad Request: IMAGE_PROCESS_FAILED") from None
        if width + height > 10_000 or max(width, height) > 20 * min(width, height):
            raise Refused(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
    elif len(content) > 50_000_000:
        raise Refused(413, "Request Entity Too Large")


def _check_markup(markup: dict[str, Any] | None) -> None:
    buttons = [button for row in (markup or {}).get("inline_keyboard", []) for button in row]
    if len(buttons) > 100:
        raise Refused(400, "Bad Request: reply markup is too long")
    for button in buttons:
        if not 1 <= len(button["callback_data"].encode()) <= 64:
            raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
        if not button["text"]:
            raise Refused(400, "Bad Request: text buttons are not allowed to be empty")


def _in_json(value: Any) -> dict[str, Any]:
    return json.loads(value) if isinstance(value, str) else value or {}


class _Markup(HTMLParser):
    """HTML as Telegram takes it: few tags, all of them closed."""

    @classmethod
    def read(cls, text: str) -> str:
        parser = cls()
        parser.feed(text)
        parser.close()
        if parser.open:
            raise Refused(400, "Bad Request: can't parse entities: can't find end tag")
        return "".join(parser.words)

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in _TAGS:
            raise Refused(400, f'Bad Request: can\'t parse entities: unsupported start tag "{tag}"')
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise Refused(400, "Bad Request: can't parse entities: unexpected end tag")

    def handle_data(self, data: str) -> None:
        self.words.append(data)
