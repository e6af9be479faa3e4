"""The routes of the first screen: the page, its parts as they are now, and what is done there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from bot.core.errors import NotAllowed, UserError
from bot.core.model import Person, Place
from bot.core.platform import RunQuestion, Services, State
from bot.i18n import _
from bot.platforms.web.admin.inputs import Said
from bot.platforms.web.admin.now.page import NowPage, address, draw, parts
from bot.platforms.web.admin.parts import refused, screen, who
from bot.platforms.web.api.multipart import read_fields
from bot.platforms.web.auth import AccessControl

_HERE = Place("web", "")
_LARGEST = 10_000  # bytes of a press
_LONGEST = 100  # characters that are looked for


class NowRoutes:
    """The routes are for the operator alone: others are refused, and that stands in the audit."""

    def __init__(self, services: Services, gate: AccessControl) -> None:
        self._room, self._gate = services.control, gate
        self._said: dict[str, Said] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/admin", self._page), web.get("/admin/live", self._live), web.post("/admin", self._press)]

    async def _page(self, request: web.Request) -> web.Response:
        by, asked = who(request, self._gate), _asked(request)
        try:
            view = await self._room.now(by, _HERE, asked)
        except NotAllowed as fault:
            return await refused(fault, by)
        return await screen("admin", _("Control room"), draw(NowPage(view, asked, self._said.pop(by.key, None))))

    async def _live(self, request: web.Request) -> web.Response:
        by, asked = who(request, self._gate), _asked(request)
        try:
            view = await self._room.now(by, _HERE, asked)
        except NotAllowed as fault:
            return await refused(fault, by)
        return web.Response(text=parts(NowPage(view, asked)), content_type="text/html")

    async def _press(self, request: web.Request) -> web.Response:
        """Do what was pressed, and show the page again with what came of it."""
        by, given = who(request, self._gate), await read_fields(request, _LARGEST)
        texts = {name: value.strip() for name, value in given.items() if isinstance(value, str)}
        section, act = self._acts.get(texts.get("act", ""), ("", None))
        if act is None:
            raise web.HTTPBadRequest
        try:
            said = Said(section, await act(by, texts))
        except NotAllowed as fault:
            return await refused(fault, by)
        except UserError as fault:
            said = Said(section, str(fault), wrong=True)
        self._said[by.key] = said
        raise web.HTTPSeeOther(address("admin", _asked(request)))

    @property
    def _acts(self) -> Mapping[str, tuple[str, Callable[[Person, Mapping[str, str]], Awaitable[str]]]]:
        """The buttons: for each, its part of the page, and its action."""
        room = self._room
        return {
            "interrupt": ("servers", lambda by, given: room.interrupt(by, _HERE, given.get("server", ""))),
            "free": ("servers", lambda by, given: room.free(by, _HERE, given.get("server", ""))),
            "drain": ("servers", lambda by, given: room.drain(by, _HERE, given.get("server", ""), wanted=True)),
            "resume": ("servers", lambda by, given: room.drain(by, _HERE, given.get("server", ""), wanted=False)),
            "first": ("line", lambda by, given: room.put_first(by, _HERE, given.get("run", ""))),
            "cancel": ("runs", lambda by, given: room.cancel(by, _HERE, given.get("run", ""))),
        }


def _asked(request: web.Request) -> RunQuestion:
    """Read the question from the address; what makes no sense is left out."""
    given = request.query
    state, page = given.get("state", ""), given.get("page", "")
    person, workflow, fault = (given.get(name, "").strip()[:_LONGEST] for name in ("person", "workflow", "fault"))
    return RunQuestion(
        State(state) if state in list(State) else None,
        person,
        workflow,
        fault,
        int(page) if page.isdecimal() and len(page) < 5 else 0,
    )
