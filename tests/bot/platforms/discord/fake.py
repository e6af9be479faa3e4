"""A small Discord of our own: REST and gateway over real sockets, strict where the real one is."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import WSMsgType, web
from discord.utils import time_snowflake, utcnow

from tests.bot.platforms.discord.rules import command_faults, message_faults, window_faults
from tests.patience import PATIENCE

APPLICATION = 4242
ALL = str((1 << 53) - 1)
_EPHEMERAL = 64
_ADMINISTRATOR = 8
_WRITES = str(1 << 11 | 1 << 38)  # in channels and threads


@dataclass
class Post:
    """A message as it is now; `files` are its attachments' bytes by name, `edits` what it looked like each time."""

    id: int
    channel: int
    content: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    alt: dict[str, str] = field(default_factory=dict)
    components: list[Any] = field(default_factory=list)
    flags: int = 0
    token: str = ""
    author: int = APPLICATION
    edits: list[tuple[float, str]] = field(default_factory=list)
    by_token: list[bool] = field(default_factory=list)
    rings: list[int] = field(default_factory=list)  # people whose phones it rang
    answers: int | None = None
    sent: list[int] = field(default_factory=list)  # the bytes of each request that changed its files

    @property
    def labels(self) -> list[str]:
        return [button["label"] for row in self.components for button in row["components"] if "label" in button]

    def custom_id(self, label: str) -> str:
        return str(
            next(
                button["custom_id"]
                for row in self.components
                for button in row["components"]
                if button.get("label") == label
            )
        )


@dataclass
class Asked:
    """An interaction that was sent to the bot, and its first answer: kind, data and the seconds that it took."""

    id: int
    token: str
    channel: int
    user: int
    message: int | None
    begun: float
    answer: asyncio.Future[tuple[int, dict[str, Any]]]
    original: int | None = None
    took: float = 0.0
    expired: bool = False


@dataclass
class Fault:
    """The next so many requests that match are answered like this."""

    method: str
    path: str
    status: int
    body: dict[str, Any]
    headers: dict[str, str]
    times: int = 1


@dataclass(frozen=True)
class Silence:
    """The next request that matches is never answered, `taken` or not."""

    method: str
    path: str
    taken: bool

    def is_for(self, method: str, path: str) -> bool:
        return method == self.method and re.search(self.path, path) is not None


class FakeDiscord:
    """Use it in `async with`; `api_base` and `gateway_url` say where it is."""

    def __init__(self, *, file_limit: int = 10 * 2**20, port: int = 0) -> None:
        self.token, self.file_limit, self.port = "token", file_limit, port
        self._ids = itertools.count(time_snowflake(utcnow()))
        self.guilds: dict[int, dict[str, Any]] = {}
        self.channels: dict[int, int] = {}  # to its guild; 0 for a direct message
        self.threads: dict[int, int] = {}  # to the channel or forum that each is in
        self.forums: set[int] = set()
        self.archived: set[int] = set()  # threads that were put away
        self.adult: set[int] = set()  # channels that are age-restricted
        self.locale = "en-US"  # of the people who ask
        self.strange: set[int] = set()  # guilds, and direct messages of others, that the bot is not in
        self.directs: dict[int, int] = {}  # direct messages that the bot has opened, to whom
        self.hermits: set[int] = set()  # people who take no direct messages
        self.permissions: dict[int, str] = {}  # of the bot in a channel; else all
        self.members: dict[int, set[int]] = {}
        self.posts: dict[int, Post] = {}
        self.asked: dict[str, Asked] = {}
        self.commands: dict[str, list[dict[str, Any]]] = {}
        self.cdn: dict[str, bytes] = {}
        self.names: dict[str, str] = {}  # of files, by the ids that they were given
        self.requests: list[tuple[str, str, int]] = []
        self.faults: list[Fault] = []
        self.silences: list[Silence] = []
        self.shards = 1  # that it recommends
        self.sockets: dict[web.WebSocketResponse, int] = {}  # to its shard
        self.silent_shards: set[int] = set()  # those on which nothing is resumed yet
        self.hellos: list[str] = []  # identify and resume, as they came
        self.presences: list[str] = []
        self.refused_options: set[str] = set()  # names of options of commands
        self.refuse_gateway = 0
        self.changed = asyncio.Event()
        self._sequence = itertools.count(1)
        self._missed: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)  # by shard

    # ------------------------------------------------------------------ its life

    async def __aenter__(self) -> FakeDiscord:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_get("/gateway", self._gateway)
        app.router.add_get("/cdn/{name}", self._file)
        app.router.add_route("*", "/api/v10/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_exit: object) -> None:
        for socket in self.sockets:
            await socket.close()
        await self._runner.cleanup()

    @property
    def api_base(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v10"

    @property
    def gateway_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/gateway"

    # ------------------------------------------------------------------ the world

    def new_id(self) -> int:
        return next(self._ids)

    def add_guild(self, *members: int, strange: bool = False, shard: int = 0) -> int:
        """A server; a strange one has not invited the bot."""
        guild = self.new_id()
        guild += (shard - self.shard_of(guild)) % self.shards << 22
        if strange:
            self.strange.add(guild)
        self.guilds[guild] = {
            "id": str(guild),
            "name": f"guild {guild}",
            "owner_id": "1",
            "roles": [_role(guild)],
            "emojis": [],
            "features": [],
            "premium_tier": 0,
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "system_channel_flags": 0,
            "preferred_locale": "en-US",
            "afk_timeout": 0,
            "stickers": [],
        }
        self.members[guild] = set(members)
        return guild

    def add_channel(self, guild: int = 0, *, forum: bool = False, strange: bool = False) -> int:
        """A channel of a server, or a direct message; a strange one is between others."""
        channel = self.new_id()
        self.channels[channel] = guild
        if forum:
            self.forums.add(channel)
        if strange:
            self.strange.add(channel)
        return channel

    async def add_thread(self, parent: int) -> int:
        """A thread in a channel, or a post in a forum."""
        thread = self.add_channel(self.channels[parent])
        self.threads[thread] = parent
        await self.dispatch("CHANNEL_CREATE", self.channel_data(parent))
        await self.dispatch("THREAD_CREATE", self.channel_data(thread) | {"newly_created": True})
        return thread

    def is_closed(self, channel: int) -> bool:
        """True if the bot is not in a channel."""
        return bool({channel, self.channels[channel]} & self.strange)

    def channel_data(self, channel: int) -> dict[str, Any]:
        guild = self.channels[channel]
        kind = 11 if channel in self.threads else 15 if channel in self.forums else 0 if guild else 1
        about: dict[str, Any] = {"id": str(channel), "type": kind, "name": "general", "position": 0}
        about |= {"permission_overwrites": _overwrites(self.permissions.get(channel)), "recipients": []}
        if guild:
            about["guild_id"] = str(guild)
        if channel in self.threads:
            state = {"archived": channel in self.archived, "auto_archive_duration": 60, "locked": False}
            about |= {"parent_id": str(self.threads[channel]), "owner_id": "1", "message_count": 1, "member_count": 1}
            about["thread_metadata"] = state | {"archive_timestamp": "2026-01-01T00:00:00+00:00"}
        about["nsfw"] = channel in self.adult
        if channel in self.forums:
            about |= {"available_tags": [], "default_reaction_emoji": None}
        return about

    def fail(self, method: str, path: str, status: int, body: Mapping[str, Any] | None = None, times: int = 1) -> None:
        headers = {"Via": "1.1 google", "Retry-After": "0.2"} if status == 429 else {}
        self.faults.append(Fault(method, path, status, dict(body or {}), headers, times))

    def expire_tokens(self) -> None:
        for asked in self.asked.values():
            asked.expired = True

    async def until(self, true: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Wait for something to be so."""
        async with asyncio.timeout(seconds):
            while not (found := true()):
                self.changed.clear()
                try:
                    async with asyncio.timeout(0.05):
                        await self.changed.wait()
                except TimeoutError:
                    continue
        return found

    @property
    def public(self) -> list[Post]:
        return [post for post in self.posts.values() if not post.flags & _EPHEMERAL]

    def whispers(self, asked: Asked) -> list[str]:
        """Return the messages that only the person who asked can see."""
        return [post.content for post in self.posts.values() if post.token == asked.token and post.flags & _EPHEMERAL]

    # ------------------------------------------------------------------ people

    async def slash(
        self, user: int, channel: int, name: str, values: Mapping[str, Any] | None = None, **more: Any
    ) -> Asked:
        """A slash command: values by name; bytes are a file, and so are a name and bytes."""
        guild = self.channels[channel]
        scope = str(guild) if any(each["name"] == name for each in self.commands.get(str(guild), [])) else "global"
        command = next(each for each in self.commands[scope] if each["name"] == name and each.get("type", 1) == 1)
        kinds = {option["name"]: option["type"] for option in command.get("options", [])}
        files: dict[str, Any] = {}
        options = []
        for key, value in (values or {}).items():
            if isinstance(value, bytes | tuple):
                file = self.upload(*(value if isinstance(value, tuple) else (f"{key}.png", value)))
                files[file["id"]] = file
                value = file["id"]
            options.append({"name": key, "type": kinds[key], "value": value})
        data: dict[str, Any] = {"id": "77", "name": name, "type": 1, "options": options}
        if files:
            data["resolved"] = {"attachments": files}
        if scope != "global":
            data["guild_id"] = scope
        return await self.ask(2, data, user, channel, **more)

    async def click(self, user: int, post: Post, label: str, **more: Any) -> Asked:
        return await self.press(user, post, post.custom_id(label), **more)

    async def press(self, user: int, post: Post, custom_id: str, **more: Any) -> Asked:
        data = {"component_type": 2, "custom_id": custom_id}
        return await self.ask(3, data, user, post.channel, message=post, **more)

    async def submit(self, user: int, shown: Asked, values: Mapping[str, Any]) -> Asked:
        """Fill in the window that an interaction was answered with."""
        _kind, window = await shown.answer
        components, files = [], {}
        for label in window["components"]:
            if label["type"] == 10:  # a text
                components.append({"type": 10, "id": 1})
                continue
            item = label["component"]
            value = values.get(item["custom_id"])
            part: dict[str, Any] = {"type": item["type"], "custom_id": item["custom_id"], "id": 1}
            if item["type"] == 4:
                part["value"] = item.get("value", "") if value is None else str(value)
            elif isinstance(value, bytes | tuple):
                file = self.upload(*(value if isinstance(value, tuple) else ("given.png", value)))
                files[file["id"]] = file
                part["values"] = [file["id"]]
            elif isinstance(value, list):
                several = [self.upload(*each) for each in value]
                files |= {file["id"]: file for file in several}
                part["values"] = list(files)
            else:
                chosen = [each["value"] for each in item.get("options", []) if each.get("default")]
                part["values"] = chosen if value is None else [value]
            components.append({"type": 18, "id": 1, "component": part})
        data = {"custom_id": window["custom_id"], "components": components, "resolved": {"attachments": files}}
        return await self.ask(5, data, user, shown.channel, message=self.posts.get(shown.message or 0))

    async def say(
        self,
        user: int,
        channel: int,
        text: str,
        *,
        answers: Post | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        """A message of a person, who mentions the bot. What others have sent, the bot is not shown."""
        message = self.message(Post(self.new_id(), channel, text, dict(files or {}), author=user))
        message["mentions"] = [_user(APPLICATION) | {"bot": True}]
        if guild := self.channels[channel]:
            message |= {"guild_id": str(guild), "member": _member()}
        if answers is not None:
            message |= {
                "type": 19,
                "message_reference": {"message_id": str(answers.id), "channel_id": str(channel)},
                "referenced_message": self.message(answers if answers.author == APPLICATION else _stripped(answers)),
            }
        await self.dispatch("MESSAGE_CREATE", message)

    async def ask(
        self,
        kind: int,
        data: dict[str, Any],
        user: int,
        channel: int,
        *,
        message: Post | None = None,
        permissions: str = "",
        own_permissions: str = _WRITES,
        installed: bool = True,
        limit: int | None = None,
    ) -> Asked:
        """Send an interaction. `permissions` are the bot's, `own_permissions` the person's."""
        asked = Asked(
            self.new_id(),
            f"tok-{self.new_id()}",
            channel,
            user,
            message.id if message else None,
            time.monotonic(),
            asyncio.get_running_loop().create_future(),
        )
        self.asked[asked.token] = asked
        guild = self.channels[channel]
        installed = installed and not self.is_closed(channel)
        payload: dict[str, Any] = {
            "id": str(asked.id),
            "application_id": str(APPLICATION),
            "type": kind,
            "token": asked.token,
            "version": 1,
            "data": data,
            "channel_id": str(channel),
            "channel": self.channel_data(channel) | {"permissions": ALL},
            "app_permissions": permissions or self.permissions.get(channel, ALL),
            "locale": self.locale,
            "entitlements": [],
            "attachment_size_limit": limit or self.file_limit,
            "context": 0 if guild else 2 if channel in self.strange else 1,
            "authorizing_integration_owners": {"0": str(guild)} if installed else {"1": str(user)},
        }
        if guild:
            payload |= {"guild_id": str(guild), "guild": {"id": str(guild), "features": [], "locale": "en-US"}}
            payload["member"] = _member() | {"user": _user(user), "permissions": own_permissions}
        else:
            payload["user"] = _user(user)
        if message is not None:
            payload["message"] = self.message(message)
        await self.dispatch("INTERACTION_CREATE", payload)
        return asked

    def upload(self, name: str, content: bytes) -> dict[str, Any]:
        """A file at the content network, as Discord describes it."""
        number = self.new_id()
        self.names[str(number)] = name
        self.cdn[f"{number}-{name}"] = content
        url = f"http://127.0.0.1:{self.port}/cdn/{number}-{name}"
        return {
            "id": str(number),
            "filename": name,
            "size": len(content),
            "url": url,
            "proxy_url": url,
            "content_type": "image/png",
        }

    # ------------------------------------------------------------------ the gateway

    async def dispatch(self, event: str, data: Any) -> None:
        frame = {"op": 0, "t": event, "s": next(self._sequence), "d": data}
        shard = self.shard_of(int(data.get("guild_id") or (data["id"] if event.startswith("GUILD_") else 0)))
        live = [socket for socket, of in self.sockets.items() if of == shard and not socket.closed]
        if not live:
            self._missed[shard].append(frame)
        for socket in live:
            await socket.send_json(frame)

    def shard_of(self, guild: int) -> int:
        """The shard on which a bot hears of a server; of direct messages, which are in none, on the first."""
        return (guild >> 22) % self.shards

    async def drop(self, code: int = 4000, shard: int | None = None) -> None:
        """Close every connection, or that of a shard; what happens meanwhile is sent when it is resumed."""
        for socket, of in list(self.sockets.items()):
            if shard in (None, of):
                await socket.close(code=code)

    async def _gateway(self, request: web.Request) -> web.StreamResponse:
        if self.refuse_gateway > 0:
            self.refuse_gateway -= 1
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 41_250}})
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                await self._heard(socket, json.loads(frame.data))
        self.sockets.pop(socket, None)
        self.changed.set()
        return socket

    async def _heard(self, socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        match frame["op"]:
            case 1:
                await socket.send_json({"op": 11})
            case 2:
                self.hellos.append("identify")
                await self._welcome(socket, frame["d"]["token"], *frame["d"].get("shard", [0, 1]))
            case 6:
                self.hellos.append("resume")
                shard = int(frame["d"]["session_id"].partition(" ")[2])
                await self.until(lambda: shard not in self.silent_shards)
                self.sockets[socket] = shard
                for missed in self._missed.pop(shard, []):
                    await socket.send_json(missed)
                await socket.send_json({"op": 0, "t": "RESUMED", "s": next(self._sequence), "d": {}})
            case 3:
                activities = frame["d"]["activities"]
                self.presences.append(activities[0].get("state", "") if activities else "")
        self.changed.set()

    async def _welcome(self, socket: web.WebSocketResponse, token: str, shard: int, shards: int) -> None:
        if token != self.token or not shard < shards == self.shards:
            await socket.close(code=4004 if token != self.token else 4010)
            return
        guilds = [guild for guild in self.guilds if guild not in self.strange and self.shard_of(guild) == shard]
        ready = {
            "v": 10,
            "user": _user(APPLICATION) | {"bot": True},
            "guilds": [{"id": str(guild), "unavailable": True} for guild in guilds],
            "session_id": f"session {shard}",
            "resume_gateway_url": self.gateway_url,
            "application": {"id": str(APPLICATION), "flags": 0},
            "shard": [shard, shards],
        }
        self.sockets[socket] = shard
        await socket.send_json({"op": 0, "t": "READY", "s": next(self._sequence), "d": ready})
        for guild in guilds:
            await socket.send_json(
                {"op": 0, "t": "GUILD_CREATE", "s": next(self._sequence), "d": self.guild_create(guild)}
            )
        for missed in self._missed.pop(shard, []):
            await socket.send_json(missed)

    def guild_create(self, guild: int) -> dict[str, Any]:
        here = [channel for channel, where in self.channels.items() if where == guild]
        return self.guilds[guild] | {
            "channels": [self.channel_data(each) for each in here if each not in self.threads],
            "threads": [self.channel_data(each) for each in here if each in self.threads],
            "members": [_member() | {"user": _user(APPLICATION) | {"bot": True}}],
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
            "member_count": 3,
            "large": False,
        }

    # ------------------------------------------------------------------ REST

    async def _file(self, request: web.Request) -> web.Response:
        content = self.cdn.get(request.match_info["name"])
        return web.Response(body=content) if content is not None else web.Response(status=404)

    async def _rest(self, request: web.Request) -> web.Response:
        path = "/" + request.match_info["path"]
        silence = next((each for each in self.silences if each.is_for(request.method, path)), None)
        if silence is not None and not silence.taken:
            return await self._never(silence)
        answer = await self._answered(request, path)
        if silence is not None:
            return await self._never(silence)
        self.requests.append((request.method, path, answer.status))
        self.changed.set()
        return answer

    async def _never(self, silence: Silence) -> web.Response:
        self.silences.remove(silence)
        self.changed.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def _answered(self, request: web.Request, path: str) -> web.Response:
        for fault in self.faults:
            if fault.times > 0 and fault.method == request.method and re.search(fault.path, path):
                await request.read()
                fault.times -= 1
                body = {"retry_after": 0.2, "global": False, "message": "no", "code": 0} | fault.body
                return _json(body, fault.status, fault.headers)
        for method, pattern, answer in self._routes():
            found = re.fullmatch(pattern, path)
            if found and method == request.method:
                needs = not path.startswith(("/interactions/", "/webhooks/"))
                if needs and request.headers.get("Authorization") != f"Bot {self.token}":
                    return _error(401, 0, "401: Unauthorized")
                return await answer(request, *found.groups())
        return _error(404, 0, f"no such route: {request.method} {path}")

    def _routes(self) -> list[tuple[str, str, Any]]:
        hook = rf"/webhooks/{APPLICATION}/([^/]+)"
        return [
            ("GET", "/users/@me", self._me),
            ("GET", "/oauth2/applications/@me", self._application),
            ("GET", "/gateway/bot", self._gateway_bot),
            ("PUT", rf"/applications/{APPLICATION}/commands", self._put_commands),
            ("PUT", rf"/applications/{APPLICATION}/guilds/(\d+)/commands", self._put_commands),
            ("POST", rf"/applications/{APPLICATION}/commands", self._post_command),
            ("POST", rf"/applications/{APPLICATION}/guilds/(\d+)/commands", self._post_command),
            ("POST", r"/interactions/(\d+)/([^/]+)/callback", self._callback),
            ("POST", hook, self._follow_up),
            ("PATCH", hook + "/messages/(@original|\\d+)", self._edit_by_token),
            ("DELETE", hook + "/messages/(@original|\\d+)", self._delete_by_token),
            ("GET", r"/channels/(\d+)/messages", self._history),
            ("POST", r"/channels/(\d+)/messages", self._send),
            ("PATCH", r"/channels/(\d+)/messages/(\d+)", self._edit),
            ("DELETE", r"/channels/(\d+)/messages/(\d+)", self._delete),
            ("POST", "/users/@me/channels", self._direct),
            ("POST", r"/channels/(\d+)/typing", self._type),
            ("GET", r"/guilds/(\d+)", self._guild),
            ("GET", r"/channels/(\d+)", self._channel),
            ("PATCH", r"/channels/(\d+)", self._change_channel),
            ("GET", r"/guilds/(\d+)/members/(\d+)", self._get_member),
        ]

    async def _me(self, _request: web.Request) -> web.Response:
        return _json(_user(APPLICATION) | {"bot": True})

    async def _application(self, _request: web.Request) -> web.Response:
        return _json(
            {
                "id": str(APPLICATION),
                "name": "Darkroom",
                "icon": None,
                "description": "",
                "bot_public": True,
                "bot_require_code_grant": False,
                "verify_key": "",
                "flags": 0,
                "owner": _user(1),
                "team": None,
            }
        )

    async def _gateway_bot(self, _request: web.Request) -> web.Response:
        limit = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
        return _json({"url": self.gateway_url, "shards": self.shards, "session_start_limit": limit})

    async def _put_commands(self, request: web.Request, guild: str = "global") -> web.Response:
        payload = await request.json()
        if faults := command_faults(payload):
            return _error(400, 50035, "; ".join(faults))
        if errors := _named_faults(payload, self.refused_options):
            return _json({"code": 50035, "message": "Invalid Form Body", "errors": errors}, 400)
        self.commands[guild] = payload
        return _json([{"id": str(self.new_id()), "application_id": str(APPLICATION), **each} for each in payload])

    async def _post_command(self, request: web.Request, guild: str = "global") -> web.Response:
        command = await request.json()
        if command_faults([command]) or _named_faults([command], self.refused_options):
            return _error(400, 50035, "Invalid Form Body")
        others = [each for each in self.commands.get(guild, []) if each["name"] != command["name"]]
        self.commands[guild] = [*others, command]
        return _json({"id": str(self.new_id()), "application_id": str(APPLICATION), **command}, 201)

    async def _callback(self, request: web.Request, number: str, token: str) -> web.Response:
        asked = self.asked.get(token)
        payload, files, alt = await _payload(request)
        if asked is None or str(asked.id) != number:
            return _error(404, 10062, "Unknown interaction")
        if asked.answer.done():
            return _error(400, 40060, "Interaction has already been acknowledged.")
        kind, data = payload["type"], payload.get("data") or {}
        if faults := message_faults(data) if kind in (4, 7) else window_faults(data) if kind == 9 else []:
            return _error(400, 50035, "; ".join(faults))
        asked.took = time.monotonic() - asked.begun
        if kind == 4:
            asked.original = self._put(Post(self.new_id(), asked.channel, token=token), data, files, alt).id
        elif kind == 5:
            post = Post(self.new_id(), asked.channel, token=token, flags=data.get("flags", 0))
            self.posts[post.id] = post
            asked.original = post.id
        elif kind in (6, 7) and asked.message is None:
            return _error(400, 50035, "there is no message to change")
        elif kind in (6, 7):
            asked.original = asked.message
            if kind == 7 and asked.message is not None:
                self._put(self.posts[asked.message], data, files, alt)
        asked.answer.set_result((kind, data))
        about = {"interaction": {"id": number, "type": 2, "response_message_id": str(asked.original or 0)}}
        if kind in (4, 5):
            about["resource"] = {"type": kind, "message": self.message(self.posts[asked.original or 0])}
        return _json(about)

    async def _follow_up(self, request: web.Request, token: str) -> web.Response:
        payload, files, alt = await _payload(request)
        asked = self.asked.get(token)
        if asked is None or asked.expired:
            return _error(401, 50027, "Invalid Webhook Token")
        waiting = self.posts.get(asked.original or 0)
        if waiting is not None and not waiting.content and waiting.token == token and not waiting.edits:
            return self._changed(waiting, payload, files, alt, by_token=True)  # as the real one: it fills the first
        return self._created(Post(self.new_id(), asked.channel, token=token), payload, files, alt)

    async def _edit_by_token(self, request: web.Request, token: str, which: str) -> web.Response:
        payload, files, alt = await _payload(request)
        asked = self.asked.get(token)
        if asked is None or asked.expired:
            return _error(401, 50027, "Invalid Webhook Token")
        post = self.posts.get((asked.original or 0) if which == "@original" else int(which))
        if post is None:
            return _error(404, 10008, "Unknown Message")
        return self._changed(post, payload, files, alt, by_token=True)

    async def _delete_by_token(self, _request: web.Request, token: str, which: str) -> web.Response:
        asked = self.asked.get(token)
        if asked is None or asked.expired:
            return _error(401, 50027, "Invalid Webhook Token")
        return self._deleted((asked.original or 0) if which == "@original" else int(which))

    async def _send(self, request: web.Request, channel: str) -> web.Response:
        payload, files, alt = await _payload(request)
        if refused := self._shut(int(channel)):
            return refused
        self.archived.discard(int(channel))
        nonce = payload.get("nonce")
        for post in self.posts.values():
            if nonce is not None and post.token == f"nonce-{nonce}":
                return _json(self.message(post))
        token = f"nonce-{nonce}" if nonce is not None else ""
        return self._created(Post(self.new_id(), int(channel), token=token), payload, files, alt)

    async def _history(self, request: web.Request, channel: str) -> web.Response:
        after, most = int(request.query.get("after", 0)), int(request.query.get("limit", 50))
        seen = [
            post
            for post in self.posts.values()
            if post.channel == int(channel) and post.id > after and not post.flags & _EPHEMERAL
        ]
        return self._shut(int(channel)) or _json([self.message(post) for post in seen[:most]][::-1])

    async def _edit(self, request: web.Request, channel: str, message: str) -> web.Response:
        payload, files, alt = await _payload(request)
        if refused := self._shut(int(channel)):
            return refused
        post = self.posts.get(int(message))
        if post is None or str(post.channel) != channel or post.flags & _EPHEMERAL:
            return _error(404, 10008, "Unknown Message")
        if post.channel in self.archived:
            return _error(400, 50083, "Thread is archived")
        return self._changed(post, payload, files, alt, by_token=False)

    async def _delete(self, _request: web.Request, channel: str, message: str) -> web.Response:
        return self._shut(int(channel)) or self._deleted(int(message))

    def _shut(self, channel: int) -> web.Response | None:
        """Return the answer that refuses the bot in a channel."""
        if channel not in self.channels:
            return _error(404, 10003, "Unknown Channel")
        if self.is_closed(channel):
            return _error(403, 50001, "Missing Access")
        if self.directs.get(channel) in self.hermits:
            return _error(403, 50007, "Cannot send messages to this user")
        return None

    async def _direct(self, request: web.Request) -> web.Response:
        user = int((await request.json())["recipient_id"])
        channel = self.add_channel()
        self.directs[channel] = user
        return _json({"id": str(channel), "type": 1, "recipients": [_user(user)], "last_message_id": None})

    async def _type(self, _request: web.Request, channel: str) -> web.Response:
        if self.directs.get(int(channel)) in self.strange:
            return _error(403, 50007, "Cannot send messages to this user")
        return web.Response(status=204)

    async def _guild(self, _request: web.Request, guild: str) -> web.Response:
        if int(guild) in self.strange:
            return _error(403, 50001, "Missing Access")
        return _json(self.guilds[int(guild)])

    async def _channel(self, _request: web.Request, channel: str) -> web.Response:
        return self._shut(int(channel)) or _json(self.channel_data(int(channel)))

    async def _change_channel(self, request: web.Request, channel: str) -> web.Response:
        if (await request.json()) == {"archived": False}:
            self.archived.discard(int(channel))
        return self._shut(int(channel)) or _json(self.channel_data(int(channel)))

    async def _get_member(self, _request: web.Request, guild: str, user: str) -> web.Response:
        if int(user) not in self.members[int(guild)]:
            return _error(404, 10007, "Unknown Member")
        return _json(_member() | {"user": _user(int(user))})

    # ------------------------------------------------------------------ messages

    def _created(self, post: Post, data: dict[str, Any], files: dict[str, bytes], alt: dict[str, str]) -> web.Response:
        if refused := self._refused(data, files):
            return refused
        return _json(self.message(self._put(post, data, files, alt)))

    def _changed(
        self, post: Post, data: dict[str, Any], files: dict[str, bytes], alt: dict[str, str], *, by_token: bool
    ) -> web.Response:
        if refused := self._refused(data, files):
            return refused
        self._put(post, data, files, alt)
        post.by_token.append(by_token)
        return _json(self.message(post))

    def _refused(self, data: dict[str, Any], files: dict[str, bytes]) -> web.Response | None:
        if any(len(content) > self.file_limit for content in files.values()):
            return _error(413, 40005, "Request entity too large")
        if faults := message_faults(data):
            return _error(400, 50035, "; ".join(faults))
        return None

    def _put(self, post: Post, data: dict[str, Any], files: dict[str, bytes], alt: dict[str, str]) -> Post:
        if data.get("content") is not None:
            post.content = data["content"]
        if "components" in data:
            post.components = data["components"]
        if "attachments" in data or files:
            kept = {self.names.get(str(each["id"]), "") for each in data.get("attachments", [])}
            post.sent.append(sum(map(len, files.values())))
            post.files = {name: content for name, content in post.files.items() if name in kept} | files
            post.alt = alt
        if post.id not in self.posts:  # an edit rings nobody
            allowed = (data.get("allowed_mentions") or {}).get("users", [])
            post.rings = [each for each in allowed if f"<@{each}>" in post.content]
            post.answers = int((data.get("message_reference") or {}).get("message_id", 0)) or None
        post.flags |= data.get("flags") or 0
        post.edits.append((time.monotonic(), post.content))
        self.posts[post.id] = post
        self.changed.set()
        return post

    def _deleted(self, message: int) -> web.Response:
        if self.posts.pop(message, None) is None:
            return _error(404, 10008, "Unknown Message")
        return web.Response(status=204)

    def _reference(self, post: Post) -> dict[str, Any]:
        return {"message_id": str(post.answers), "channel_id": str(post.channel), "type": 0}

    def message(self, post: Post) -> dict[str, Any]:
        return {
            "id": str(post.id),
            "channel_id": str(post.channel),
            "content": post.content,
            "author": _user(post.author) | {"bot": post.author == APPLICATION},
            "attachments": [self.upload(name, content) for name, content in post.files.items()],
            "components": post.components,
            "embeds": [],
            "mentions": [],
            "mention_roles": [],
            "mention_everyone": False,
            "pinned": False,
            "tts": False,
            "type": 0,
            **({"message_reference": self._reference(post)} if post.answers else {}),
            "flags": post.flags,
            "timestamp": "2026-01-01T00:00:00+00:00",
            "edited_timestamp": None,
        }


async def _payload(request: web.Request) -> tuple[dict[str, Any], dict[str, bytes], dict[str, str]]:
    """Read a request: its payload, and its files and their descriptions by name."""
    if not request.content_type.startswith("multipart/"):
        return (json.loads(await request.text() or "{}"), {}, {})
    payload: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    async for part in await request.multipart():
        if part.name == "payload_json":
            payload = json.loads(await part.text())
        else:
            files[part.filename or ""] = bytes(await part.read())
    about = {each.get("filename", ""): each.get("description") or "" for each in payload.get("attachments", [])}
    return payload, files, about


def _json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    body = json.dumps(data).encode()
    return web.Response(body=body, status=status, headers={"Content-Type": "application/json", **(headers or {})})


def _named_faults(options: list[dict[str, Any]], refused: set[str]) -> dict[str, Any]:
    """The refused options, each at its place, as Discord names them."""
    found: dict[str, Any] = {}
    for number, each in enumerate(options):
        if inner := _named_faults(each.get("options", []), refused):
            found[str(number)] = {"options": inner}
        elif each["name"] in refused:
            found[str(number)] = {"name": {"_errors": [{"code": "X", "message": "This name is not valid"}]}}
    return found


def _error(status: int, code: int, message: str) -> web.Response:
    return _json({"code": code, "message": message}, status)


def _user(number: int) -> dict[str, Any]:
    return {
        "id": str(number),
        "username": f"user{number}",
        "discriminator": "0",
        "avatar": None,
        "global_name": f"User {number}",
    }


def _stripped(post: Post) -> Post:
    """A message of somebody else as a bot sees it that is not mentioned in it."""
    return replace(post, content="", files={}, components=[])


def _overwrites(permissions: str | None) -> list[dict[str, Any]]:
    """Return overwrites that take all but these permissions from the bot."""
    if permissions is None:
        return []
    return [{"id": str(APPLICATION), "type": 1, "allow": "0", "deny": str(int(ALL) & ~int(permissions))}]


def _member() -> dict[str, Any]:
    return {"roles": [], "joined_at": "2026-01-01T00:00:00+00:00", "deaf": False, "mute": False, "flags": 0}


def _role(guild: int) -> dict[str, Any]:
    return {
        "id": str(guild),
        "name": "@everyone",
        "permissions": str(int(ALL) & ~_ADMINISTRATOR),
        "position": 0,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }
