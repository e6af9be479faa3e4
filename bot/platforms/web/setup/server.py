"""The page of the first setup: served to this computer alone, and to the one browser that showed the key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.core.errors import BadValue, UserError
from bot.i18n import _
from bot.platforms.http_server import listening
from bot.platforms.ports import reason
from bot.platforms.web.admin.html import Html, el
from bot.platforms.web.admin.inputs import Said
from bot.platforms.web.admin.places.forms import say
from bot.platforms.web.api.multipart import read_fields
from bot.platforms.web.api.runs import explained
from bot.platforms.web.auth import AccessControl, introduce, protect, whose
from bot.platforms.web.config import PageConfig
from bot.platforms.web.server import static_files
from bot.platforms.web.setup.key import SetupKey
from bot.platforms.web.setup.page import STEPS, SetupView, draw, ending, refusal
from bot.platforms.web.templates import Shell, lamp
from bot.settings import Secret
from bot.setup.service import SetupEnd, SetupService

_HOST = "127.0.0.1"
_LARGEST = 100_000  # bytes of what is sent at once
_WAY = "/setup"
_PATIENCE = 5  # seconds in which a bot has usually started
_SHELL = Shell("setup", ("setup/setup.css",), "setup/setup.js")


@asynccontextmanager
async def set_up(service: SetupService, ports: Sequence[int]) -> AsyncIterator[tuple[str, asyncio.Future[SetupEnd]]]:
    """Serve the page until the context is left; its address with the key, and what comes of it. Raises `ConfigError`
    where no port is free.
    """
    routes = SetupRoutes(service)
    app = web.Application(middlewares=[routes.gate.middleware(), routes.this_computer, explained])
    app.on_response_prepare.append(protect)
    app.add_routes([*routes.routes(), static_files()])
    try:
        async with listening(app, _HOST, ports) as port:
            routes.port = port
            yield f"http://{_HOST}:{port}{_WAY}?key={routes.key.key}", routes.ended
    except OSError as fault:
        raise PageConfig(_HOST, ports).cannot_listen(ports[-1], reason(fault)) from fault


class SetupRoutes:
    """The routes. What was pressed is done, and the page then shows what came of it."""

    def __init__(self, service: SetupService) -> None:
        self._service = service
        self.gate, self.key = AccessControl(None), SetupKey()
        self.port = 0
        self.ended: asyncio.Future[SetupEnd] = asyncio.get_running_loop().create_future()
        self._said: Said | None = None
        self._finishing = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._to_setup),
            web.get(_WAY, self._page, allow_head=False),  # the key is for whom it is shown
            web.post(_WAY, self._press),
            web.post(f"{_WAY}/finish", self._finish),
            web.post(f"{_WAY}/demo", self._demo),
        ]

    @web.middleware
    async def this_computer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what a proxy passes on, and all but the page itself to browsers that have not shown the key."""
        if not self.gate.is_at_home(request):
            raise web.HTTPForbidden(text=_("The setup is for this computer alone."))
        shows = request.method == "GET" and request.path in ("/", _WAY)
        if not (shows or request.path.startswith("/static/") or self.key.is_in(request)):
            raise web.HTTPForbidden(text=_("Open the address that stands in the terminal."))
        return await handler(request)

    async def _to_setup(self, _request: web.Request) -> web.Response:
        raise web.HTTPSeeOther(_WAY[1:])

    async def _page(self, request: web.Request) -> web.Response:
        if not self.key.is_in(request):
            return await self._enter(request)
        if "key" in request.query:
            raise web.HTTPSeeOther(_WAY)
        step = request.query.get("step", STEPS[0])
        if step not in STEPS:
            raise web.HTTPNotFound
        said, self._said = self._said, None
        page = await _shown(draw(await self._view(step, said, request.query.get("find", ""))))
        introduce(request, page)
        return page

    async def _enter(self, request: web.Request) -> web.Response:
        """Let the browser in that shows the key first."""
        given = request.query.get("key", "")
        if self.key.is_right(given) and not self.key.is_used:
            answer = web.Response(status=303, headers={"Location": _WAY})
            self.key.use(answer)
            return answer
        page = await _shown(refusal(is_used=self.key.is_used and self.key.is_right(given)))
        page.set_status(403)
        return page

    async def _view(self, step: str, said: Said | None, find: str) -> SetupView:
        service = self._service
        fault = await service.fault()
        view = SetupView(step, service.draft, service.bundled, said, has_engine=service.has_engine, fault=fault)
        if step != "workflows":
            return view
        view = replace(view, saved=await service.saved(), lacking=await service.lacking(), find=find)
        try:
            return replace(view, found=await service.search(find) if find.strip() else ())
        except UserError as fault:
            return replace(view, said=Said("library", say(fault), True, "", {"find": find}))

    async def _press(self, request: web.Request) -> web.Response:
        fields = await read_fields(request, _LARGEST)
        given = {name: value for name, value in fields.items() if isinstance(value, str)}
        section, act = self._acts(given).get(given.get("act", ""), ("", None))
        if act is None:
            raise web.HTTPBadRequest
        then = given.get("then", "")
        try:
            self._said = Said(section, await act())
        except UserError as fault:
            field = fault.field if isinstance(fault, BadValue) else ""
            self._said, then = Said(section, say(fault), True, field, given), given.get("step", "")
        raise web.HTTPSeeOther(f"{_WAY}?step={then if then in STEPS else STEPS[0]}")

    def _acts(self, given: Mapping[str, str]) -> Mapping[str, tuple[str, Callable[[], Awaitable[str]]]]:
        """The buttons: for each, its section of the page, and its action."""
        service, key = self._service, given.get("key", "")
        ticked = [name.removeprefix("bundled-") for name in given if name.startswith("bundled-")]
        token = given.get("token", "") if given.get("others") == "yes" else ""
        return {
            "look": ("servers", service.look_around),
            "add": ("servers", lambda: service.add_server(given.get("address", ""), given.get("server_token", ""))),
            "drop-server": ("servers", lambda: service.drop_server(key)),
            "discord": ("discord", lambda: service.connect("discord", given.get("discord", ""))),
            "telegram": (
                "telegram",
                lambda: service.connect("telegram", given.get("telegram", ""), given.get("allowed", "")),
            ),
            "drop-discord": ("discord", lambda: service.disconnect("discord")),
            "drop-telegram": ("telegram", lambda: service.disconnect("telegram")),
            "choose": ("bundled", lambda: service.choose(ticked)),
            "pick": ("picked", lambda: service.pick(key)),
            "drop": ("picked", lambda: service.drop(key)),
            "protect": ("page", lambda: service.protect(token)),
        }

    async def _finish(self, request: web.Request) -> web.Response:
        """Write the settings, and end; the bot comes after this page, at the same address."""
        async with self._finishing:
            if not self.ended.done():
                try:
                    await self._service.finish(f"web:{whose(request)}", self.port)
                except UserError as fault:
                    self._said = Said("start", say(fault), True)
                    raise web.HTTPSeeOther(f"{_WAY}?step=start") from fault
            return await self._end(request, SetupEnd.WRITTEN)

    async def _demo(self, request: web.Request) -> web.Response:
        return await self._end(request, SetupEnd.DEMO)

    async def _end(self, request: web.Request, end: SetupEnd) -> web.Response:
        """Answer with a page that leads to the bot, for who pressed before the script was there to wait for it."""
        answer = await _shown(ending(end), up="../")
        answer.headers["Refresh"] = f"{_PATIENCE}; url=../"
        if (token := self._service.draft.token) and end is SetupEnd.WRITTEN:
            AccessControl(Secret(token)).stamp(request, answer)
        if not self.ended.done():
            self.ended.set_result(end)
        return answer


async def _shown(main: Html, up: str = "") -> web.Response:
    title = _("Set up Darkroom")
    return await _SHELL.around(main, title, el("h1", lamp(), title), up)
