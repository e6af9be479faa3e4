"""Invitations on the page: the operator's list of them, and the link that a friend opens."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from aiohttp import web

from bot.core.errors import BadValue, LinkRefused, NotAllowed, UserError
from bot.core.platform import INVITED_PATH, InvitationLink, InvitationService, Services
from bot.i18n import _
from bot.platforms.web.admin.html import Html, el
from bot.platforms.web.admin.inputs import Said
from bot.platforms.web.admin.parts import INVITATIONS, refused, screen, who
from bot.platforms.web.admin.places.forms import say
from bot.platforms.web.api.multipart import read_fields
from bot.platforms.web.api.views import name_visitor, person_of
from bot.platforms.web.auth import AccessControl, introduce, is_loopback, whose
from bot.platforms.web.invitations.page import InvitationsView, draw, greeting, refusal
from bot.platforms.web.templates import Shell, lamp

_LARGEST = 8192  # bytes of what is sent at once
_SHELL = Shell("inviting inviting-alone", ("invitations/invitations.css",), "invitations/invitations.js")
_PROGRAMS = (("Edg", "Edge"), ("OPR", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"))
_OTHERS = (("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows")),
    *(("Mac OS", "Mac"), ("CrOS", "Chromebook"), ("Linux", "Linux")),
)


def greet(request: web.Request, invitations: InvitationService) -> None:
    """Let a visitor have the name under which they were invited, and note that they were seen."""
    visitor = whose(request)
    found = invitations.of(f"web:{visitor}") if visitor else None
    if found is not None:
        name_visitor(visitor, found.name)
        invitations.note_seen(f"web:{visitor}")
    else:
        name_visitor("", "")


class InvitationRoutes:
    """The routes. Opening a link changes nothing, so that a program that shows what is behind it does no harm."""

    def __init__(self, services: Services, gate: AccessControl) -> None:
        self._invitations, self._gate = services.invitations, gate
        self._said: dict[str, Said] = {}
        self._made: dict[str, InvitationLink] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(f"/{INVITATIONS}", self._page),
            web.post(f"/{INVITATIONS}", self._press),
            web.get(f"{INVITED_PATH}{{key}}", self._open),
            web.post(f"{INVITED_PATH}{{key}}", self._accept),
        ]

    async def _page(self, request: web.Request) -> web.Response:
        by = who(request, self._gate)
        try:
            known = await self._invitations.all(by)
        except NotAllowed as fault:
            return await refused(fault, by, INVITATIONS)
        made, said = self._made.pop(by.key, None), self._said.pop(by.key, None)
        base, now = self._base(request), datetime.now(UTC).timestamp()
        link = f"{base}{INVITED_PATH}{made.key}" if made is not None else ""
        view = InvitationsView(known, said, made, link, _is_near(base), self._gate.locked, now)
        return await screen(INVITATIONS, _("Invitations"), draw(view))

    async def _press(self, request: web.Request) -> web.Response:
        """Do what was pressed, and show the page again with what came of it."""
        by = who(request, self._gate)
        given = {
            name: value for name, value in (await read_fields(request, _LARGEST)).items() if isinstance(value, str)
        }
        act = self._acts(request, given).get(given.get("act", ""))
        if act is None:
            raise web.HTTPBadRequest
        try:
            done = await act()
        except NotAllowed as fault:
            return await refused(fault, by, INVITATIONS)
        except UserError as fault:
            field = fault.field if isinstance(fault, BadValue) else ""
            self._said[by.key] = Said("new" if given["act"] == "make" else "list", say(fault), True, field, given)
        else:
            if isinstance(done, InvitationLink):
                self._made[by.key] = done
            else:
                self._said[by.key] = Said("list", done, given=given)
        raise web.HTTPSeeOther(INVITATIONS.rpartition("/")[2])

    def _acts(
        self, request: web.Request, given: Mapping[str, str]
    ) -> Mapping[str, Callable[[], Awaitable[str | InvitationLink]]]:
        known, by, number = self._invitations, who(request, self._gate), given.get("invitation", "")
        term = given.get("until", "") if given.get("ends") == "day" else ""
        fields = (given.get("name", ""), given.get("role", ""), term, given.get("host", ""))
        return {
            "make": lambda: known.make(by, *fields),
            "role": lambda: known.give_role(by, number, given.get("role", "")),
            "renew": lambda: known.renew(by, number),
            "end": lambda: known.end(by, number),
            "void": lambda: known.void(by, number),
            "sign-out": lambda: known.sign_out(by, given.get("device", "")),
            "sign-all-out": lambda: known.sign_all_out(by, number),
        }

    async def _open(self, request: web.Request) -> web.Response:
        """Show who invites, and a button."""
        key = request.match_info["key"]
        found = self._invitations.look(key) if await self._is_right(request, key) else None
        if found is None:
            return await _alone(refusal(self._over()), 404)
        return await _alone(greeting(found, key))

    async def _accept(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        answer = web.Response(status=303, headers={"Location": "../"})
        visitor = introduce(request, answer)
        try:
            if not await self._is_right(request, key):
                raise LinkRefused(self._over())
            await self._invitations.accept(key, person_of(visitor), _device(request.headers.get("User-Agent", "")))
        except UserError as fault:
            return await _alone(refusal(str(fault)), 403)
        return answer

    async def _is_right(self, request: web.Request, key: str) -> bool:
        return await self._gate.knows(request, key, lambda given: self._invitations.look(given) is not None)

    def _over(self) -> str:
        return _("This invitation is over, or was never made. Ask for a new one.")

    def _base(self, request: web.Request) -> str:
        """The address of the page as friends use it: the public one, or else the one that the operator uses."""
        if self._invitations.base:
            return self._invitations.base.rstrip("/")
        scheme = "https" if request.headers.get("X-Forwarded-Proto") == "https" else request.scheme
        return f"{scheme}://{request.host}"


async def _alone(main: Html, status: int = 200) -> web.Response:
    """A page for friends, who see no other room."""
    page = await _SHELL.around(main, _("Invitation"), el("h1", lamp(), "Darkroom"), "../")
    page.set_status(status)
    return page


def _is_near(base: str) -> bool:
    """True for an address that leads to the computer on which it is opened."""
    return is_loopback(re.sub(r"^https?://|:\d+$|[\[\]]", "", base))


def _device(agent: str) -> str:
    """A browser in words, such as “Firefox on Android”."""
    program = next((name for mark, name in (*_PROGRAMS, *_OTHERS) if mark in agent), _("a browser"))
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return _("{program} on {system}").format(program=program, system=system) if system else program
