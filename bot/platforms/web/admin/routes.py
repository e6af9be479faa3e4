"""The operator's page: what moderators decide in chats, for every place that the bot knows; no rule of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from aiohttp import web

from bot.core.errors import BadValue, NotAllowed, UserError
from bot.core.model import Person, Place
from bot.core.platform import RuleTarget, Services, asked_in, community_of
from bot.i18n import _
from bot.platforms.web.admin import forms
from bot.platforms.web.admin.forms import PolicyForms
from bot.platforms.web.admin.inputs import Said
from bot.platforms.web.admin.page import View, draw, link, mark, name_of
from bot.platforms.web.admin.parts import refused, screen, who
from bot.platforms.web.api import files
from bot.platforms.web.api.multipart import read_fields
from bot.platforms.web.auth import AccessControl

_PAGE = Place("web", "")
_LARGEST = 1_000_000  # bytes of what is decided at once
_SHOWN = 30  # lines of the log

Given: TypeAlias = Mapping[str, str | bytes]


@dataclass(frozen=True)
class SubmittedAction:
    """A person's action for a place, with the values that they filled in."""

    by: Person
    here: Place
    given: Given

    @property
    def aim(self) -> RuleTarget:
        return RuleTarget(workflow=self.text("workflow"), everywhere=not self.here.community)

    @property
    def person(self) -> Person:
        """The person that was named, as "platform:id". Raises `UserError`."""
        platform, colon, number = self.text("person").partition(":")
        if not platform or not colon or not number:
            words = _("a person is named as “platform:id”, such as “{key}”.")
            raise BadValue("person", words.format(key="discord:12345"))
        return Person(platform, number, self.text("name"))

    @property
    def lasting(self) -> float | None:
        """Seconds; None for good. Raises `UserError`."""
        days = self.text("days").replace(",", ".")
        try:
            count = float(days) if days else None
        except ValueError:
            count = 0.0
        if count is None:
            return None
        if not 0 < count < 100_000:
            raise BadValue("days", _("days are a number above 0."))
        return count * 86_400

    @property
    def texts(self) -> dict[str, str]:
        """All that was typed and chosen."""
        return {name: self.text(name) for name, value in self.given.items() if isinstance(value, str)}

    def text(self, name: str) -> str:
        value = self.given.get(name, "")
        return value.strip() if isinstance(value, str) else ""


class AdminRoutes:
    """The routes. Whoever is not the operator is refused, and that stands in the audit."""

    def __init__(self, services: Services, gate: AccessControl) -> None:
        self._services, self._gate = services, gate
        self._moderation, self._reviews = services.moderation, services.moderation.reviews
        self._terms = PolicyForms(services.moderation)
        self._said: dict[str, Said] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/moderate", self._page),
            web.post("/moderate", self._press),
            web.get("/moderate/log", self._log),
            web.get("/moderate/export", self._export),
            web.get("/moderate/stats", self._stats),
            web.get("/moderate/{section:held|reported}/{id}/{number:\\d{1,4}}", self._file),
        ]

    async def _page(self, request: web.Request) -> web.Response:
        by = who(request, self._gate)
        try:
            places = await self._places(by)
        except NotAllowed as fault:
            return await refused(fault, by)
        here = _found(request.query.get("place"), places)
        view = View(
            here,
            places,
            await self._moderation.overview(by, here),
            await self._reviews.held(by, here),
            await self._moderation.reports.open(by, here),
            await self._moderation.log(by, here, _SHOWN),
            self._services.workflows.title,
            self._services.runs.summary,
            list(self._services.workflows.catalog.workflows.values()),
            self._said.pop(by.key, None),
            None if here.community else await self._moderation.saved.overview(by, here),
            () if here.community else await self._moderation.problems.all(by, here),
        )
        return await screen("moderate", name_of(here), draw(view))

    async def _press(self, request: web.Request) -> web.Response:
        """Do what was pressed, and show the page again with what came of it."""
        by = who(request, self._gate)
        try:
            places = await self._places(by)
        except NotAllowed as fault:
            return await refused(fault, by)
        given = await read_fields(request, _LARGEST)
        press = SubmittedAction(by, _found(str(given.get("place")), places), given)
        section, act = self._acts.get(press.text("act"), ("", None))
        if act is None:
            raise web.HTTPBadRequest
        try:
            said = Said(section, await act(press))
        except UserError as fault:
            field = fault.field if isinstance(fault, BadValue) else ""
            said = Said(section, forms.say(fault), True, field, press.texts)
        self._said[by.key] = said
        raise web.HTTPSeeOther(link("moderate", press.here))

    @property
    def _acts(self) -> Mapping[str, tuple[str, Callable[[SubmittedAction], Awaitable[str]]]]:
        """The buttons: for each, its section of the page, and its action."""
        moderation = self._moderation
        return {
            "allow": ("workflows", lambda press: moderation.allow(press.by, press.here, press.aim)),
            "deny": ("workflows", lambda press: moderation.deny(press.by, press.here, press.aim)),
            "clear": ("workflows", lambda press: moderation.clear(press.by, press.here, press.aim)),
            "block": ("blocks", self._block),
            "unblock": ("blocks", lambda press: moderation.unblock(press.by, press.here, press.person, press.aim)),
            "approve": ("held", self._approve),
            "refuse": ("held", self._refuse),
            "take": ("reported", lambda press: self._report(press, take=True)),
            "leave": ("reported", lambda press: self._report(press, take=False)),
            "publish": ("saved", lambda press: self._answer(press, yes=True)),
            "decline": ("saved", lambda press: self._answer(press, yes=False)),
            "reopen": ("saved", lambda press: moderation.saved.publish(press.by, press.here, press.text("saved"))),
            "unpublish": ("saved", lambda press: moderation.saved.unpublish(press.by, press.here, press.text("saved"))),
            "limit": ("limits", lambda press: self._terms.limit(press.by, press.here, press.aim, press.texts)),
            "spend": ("money", lambda press: self._terms.spend(press.by, press.here, press.texts)),
            "price": ("money", lambda press: self._terms.price(press.by, press.here, press.texts)),
            "narrow": ("fields", lambda press: self._terms.narrow(press.by, press.here, press.aim, press.texts)),
            "words": ("words", lambda press: self._terms.words(press.by, press.here, press.aim, press.texts)),
            "texts": ("texts", lambda press: self._terms.texts(press.by, press.here, press.aim, press.texts)),
            "style": ("styles", lambda press: self._terms.style(press.by, press.here, press.aim, press.texts)),
            "models": ("models", lambda press: self._terms.models(press.by, press.here, press.aim, press.texts)),
            "show": ("manner", lambda press: self._terms.show(press.by, press.here, press.aim, press.texts)),
            "drop": ("decisions", self._drop),
            "undo": ("decisions", self._undo),
            "import": ("decisions", self._import),
        }

    async def _block(self, press: SubmittedAction) -> str:
        return await self._moderation.block(
            press.by, press.here, press.person, press.text("reason"), press.lasting, press.aim
        )

    async def _approve(self, press: SubmittedAction) -> str:
        done = await self._reviews.approve(press.by, press.here, press.text("run"))
        return _("Approved.") if done else _("Another moderator has already decided this.")

    async def _refuse(self, press: SubmittedAction) -> str:
        done = await self._reviews.refuse(press.by, press.here, press.text("run"), press.text("reason"))
        return _("Refused.") if done else _("Another moderator has already decided this.")

    async def _report(self, press: SubmittedAction, *, take: bool) -> str:
        reports = self._moderation.reports
        done = await (reports.take_away if take else reports.leave)(press.by, press.here, press.text("run"))
        words = _("Taken away.") if take else _("Left as it is.")
        return words if done else _("Another moderator has already decided this.")

    async def _answer(self, press: SubmittedAction, *, yes: bool) -> str:
        key, newest = press.text("saved"), press.text("newest")
        return await self._moderation.saved.answer(press.by, press.here, key, newest, yes=yes)

    async def _drop(self, press: SubmittedAction) -> str:
        own = self._moderation.own_rules(community_of(press.here))
        rule = next((rule for rule in own if mark(rule) == press.text("rule")), None)
        if rule is None:
            raise UserError(_("This rule no longer exists here."))
        return await self._moderation.drop(press.by, press.here, rule)

    async def _undo(self, press: SubmittedAction) -> str:
        return await self._moderation.undo(press.by, press.here, everywhere=not press.here.community)

    async def _import(self, press: SubmittedAction) -> str:
        given = press.given.get("file")
        data = given if isinstance(given, bytes) else b""
        return await self._moderation.import_(press.by, press.here, data.decode("utf-8", "replace"))

    async def _log(self, request: web.Request) -> web.Response:
        by, here = who(request, self._gate), await self._here(request)
        return _download(await self._moderation.log_file(by, here), "darkroom-log.jsonl")

    async def _export(self, request: web.Request) -> web.Response:
        by, here = who(request, self._gate), await self._here(request)
        return _download((await self._moderation.export(by, here)).encode(), "darkroom-decisions.json")

    async def _stats(self, request: web.Request) -> web.Response:
        by, here = who(request, self._gate), await self._here(request)
        picture = await self._moderation.stats(by, here, name=name_of(here))
        return web.Response(body=picture, content_type="image/png")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """A file of a result that waits for approval, to see what it is that is asked about."""
        by, here = who(request, self._gate), await self._here(request)
        part = request.match_info
        waiting = self._reviews if part["section"] == "held" else self._moderation.reports
        file = await waiting.file(by, here, part["id"], int(part["number"]))
        if file is None:
            raise web.HTTPNotFound
        return await files.send(request, self._services.files, file)

    async def _here(self, request: web.Request) -> Place:
        return _found(request.query.get("place"), await self._places(who(request, self._gate)))

    async def _places(self, by: Person) -> list[Place]:
        """Every place that is known; the page, which is where anything is decided for all of them, is the first."""
        known = await self._moderation.places(by, _PAGE)
        return [_PAGE, *(place for place in known if place.platform != _PAGE.platform)]


def _found(key: str | None, places: list[Place]) -> Place:
    found = next((place for place in places if key in (None, asked_in(place))), None)
    if found is None:
        raise web.HTTPNotFound
    return found


def _download(data: bytes, name: str) -> web.Response:
    headers = {"Content-Disposition": f"attachment; filename={name}"}
    return web.Response(body=data, content_type="application/octet-stream", headers=headers)
