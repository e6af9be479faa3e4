"""The operator's page: what moderators decide in chats, for every place that the bot knows; no rule of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from io import BytesIO

from aiohttp import web

from bot.core.errors import BadValue, NotAllowed, UserError
from bot.core.model import Person, Place
from bot.core.platform import AuditFilter, ModerationService, RuleTarget, Services, asked_in, community_of
from bot.i18n import _
from bot.platforms.web.admin.html import Html
from bot.platforms.web.admin.inputs import Said
from bot.platforms.web.admin.parts import refused, screen, who
from bot.platforms.web.admin.places import rules
from bot.platforms.web.admin.places.access import ChosenCell, access
from bot.platforms.web.admin.places.charts import charts
from bot.platforms.web.admin.places.forms import PolicyForms, say
from bot.platforms.web.admin.places.frame import FIRST, Frame, draw, link, name_of
from bot.platforms.web.admin.places.log import SHOWN, log
from bot.platforms.web.admin.places.people import people
from bot.platforms.web.admin.places.press import SubmittedAction, person_named, subject
from bot.platforms.web.admin.places.reviews import reviews
from bot.platforms.web.api import files
from bot.platforms.web.api.multipart import read_fields
from bot.platforms.web.auth import AccessControl

_PAGE = Place("web", "")
_LARGEST = 1_000_000  # bytes of what is decided at once
_LONGEST = 100  # characters that are looked for
_SCREENS = {"workflows": "access", "held": "reviews", "reported": "reviews", "blocks": "people"}  # of other sections
#: Acts about rules, each with its section: they can be tried before anything is kept.
_SECTIONS = {
    "limit": "limits",
    "spend": "money",
    "price": "money",
    "narrow": "fields",
    "words": "words",
    "texts": "texts",
    "style": "styles",
    "models": "models",
    "show": "manner",
    "block": "blocks",
    "undo": "decisions",
}


class PlaceRoutes:
    """The routes. Whoever is not the operator is refused, and that stands in the audit."""

    def __init__(self, services: Services, gate: AccessControl) -> None:
        self._services, self._gate = services, gate
        self._moderation, self._reviews = services.moderation, services.moderation.reviews
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
        here, said = _found(request.query.get("place"), places), self._said.pop(by.key, None)
        held = await self._reviews.held(by, here)
        reported = await self._moderation.reports.open(by, here)
        frame = Frame(here, places, request.query.get("section", FIRST), said, len(held) + len(reported))
        if frame.section not in frame.sections:
            raise web.HTTPNotFound
        if frame.section == "reviews":
            titles = self._services.workflows.title
            inside = reviews(frame, held, reported, titles, self._services.runs.summary)
        else:
            inside = await self._section(request, by, frame)
        title = f"{frame.sections[frame.section]} · {name_of(here)}"
        return await screen("moderate", title, draw(frame, inside))

    async def _section(self, request: web.Request, by: Person, frame: Frame) -> Html:
        """A section that is not about results."""
        here, moderation = frame.here, self._moderation
        workflows = sorted(self._services.workflows.catalog.workflows.values(), key=lambda each: each.title.casefold())
        match frame.section:
            case "access":
                chosen = await self._chosen(request, by, here)
                return await access(frame, await moderation.matrix(by, here), chosen, workflows)
            case "people":
                return await self._people(request, by, frame)
            case "stats":
                told = await moderation.statistics(by, here, name=name_of(here))
                return charts(frame, told, self._services.workflows.title)
            case "log":
                wanted, before = _wanted(request), request.query.get("before", "")
                number = int(before) if before.isdecimal() and len(before) < 16 else None
                return log(frame, await moderation.log(by, here, SHOWN + 1, number, wanted), wanted)
            case "saved":
                return rules.saved(frame, await moderation.saved.overview(by, here))
            case name:
                view = rules.RulesView(frame, await moderation.overview(by, here), workflows)
                return await asyncio.to_thread(rules.SECTIONS[name], view)  # there may be thousands of rules

    async def _people(self, request: web.Request, by: Person, frame: Frame) -> Html:
        known, words = self._moderation.people, _short(request, "who")
        try:
            person = person_named(_short(request, "person")) if request.query.get("person") else None
        except BadValue:
            raise web.HTTPNotFound from None
        about = await known.about(by, frame.here, person) if person is not None else None
        every = await known.known(by, frame.here, words)
        overview = await self._moderation.overview(by, frame.here)
        return await asyncio.to_thread(people, frame, every, words, about, overview)

    async def _chosen(self, request: web.Request, by: Person, here: Place) -> ChosenCell | None:
        """The cell of the table that the address names, with what each decision about it would change."""
        workflow, key = request.query.get("workflow", ""), request.query.get("who", "")
        if number := _short(request, "id"):
            key = f"{request.query.get('kind', '')}:{number}"
        if not workflow or not key:
            return None
        workflow = "" if workflow == "*" else workflow
        try:
            matrix = await self._moderation.matrix(by, here)
            aimed = subject(key)
            aimed = next((each for each in matrix.subjects if each == aimed), aimed)
            aim = RuleTarget(who=aimed, workflow=workflow, everywhere=not here.community)
            row = next((each for each in matrix.rows if each.workflow == workflow), None)
            if row is None:
                raise web.HTTPNotFound
            cell = next((each for each in row.cells if each.who == aimed), None)
            would = {
                name: await self._moderation.rehearse(by, here, act)
                for name, act in _ways(by, here, aim).items()
                if name != "clear" or (cell is not None and cell.own is not None)
            }
        except UserError:  # such as a workflow on trial
            raise web.HTTPNotFound from None
        why = cell.decision.why if cell is not None and cell.decision is not None else ""
        return ChosenCell(workflow, row.title, aimed, why, would)

    async def _press(self, request: web.Request) -> web.Response:
        """Do what was pressed, or say what it would change, and show the section again with what came of it."""
        by = who(request, self._gate)
        try:
            places = await self._places(by)
        except NotAllowed as fault:
            return await refused(fault, by)
        given = await read_fields(request, _LARGEST)
        press = SubmittedAction(by, _found(str(given.get("place")), places), given)
        tried = press.text("preview")
        section, act = self._acts.get(tried or press.text("act"), ("", None))
        if act is None or (tried and tried not in _SECTIONS):
            raise web.HTTPBadRequest
        try:
            said = await self._tried(press, section, tried) if tried else Said(section, await act(press))
        except UserError as fault:
            field = fault.field if isinstance(fault, BadValue) else ""
            said = Said(section, say(fault), True, field, press.texts)
        self._said[by.key] = said
        raise web.HTTPSeeOther(link("moderate", press.here, section=_SCREENS.get(section, section)))

    async def _tried(self, press: SubmittedAction, section: str, name: str) -> Said:
        """Say what a rule would change."""

        async def act(moderation: ModerationService) -> str:
            return await _decided(moderation, name, press)

        told = await self._moderation.rehearse(press.by, press.here, act)
        return Said(section, told.words, given=press.texts, preview=tuple(told.effects.lines))

    @property
    def _acts(self) -> Mapping[str, tuple[str, Callable[[SubmittedAction], Awaitable[str]]]]:
        """The buttons: for each, its section of the page, and its action."""
        moderation = self._moderation
        return {
            "allow": ("workflows", lambda press: moderation.allow(press.by, press.here, press.aim)),
            "deny": ("workflows", lambda press: moderation.deny(press.by, press.here, press.aim)),
            "clear": ("workflows", lambda press: moderation.clear(press.by, press.here, press.aim)),
            "unblock": ("blocks", lambda press: moderation.unblock(press.by, press.here, press.person, press.aim)),
            "approve": ("held", self._approve),
            "refuse": ("held", self._refuse),
            "take": ("reported", lambda press: self._report(press, take=True)),
            "leave": ("reported", lambda press: self._report(press, take=False)),
            "publish": ("saved", lambda press: self._answer(press, yes=True)),
            "decline": ("saved", lambda press: self._answer(press, yes=False)),
            "reopen": ("saved", lambda press: moderation.saved.publish(press.by, press.here, press.text("saved"))),
            "unpublish": ("saved", lambda press: moderation.saved.unpublish(press.by, press.here, press.text("saved"))),
            **{name: (section, self._decide(name)) for name, section in _SECTIONS.items()},
            "drop": ("decisions", self._drop),
            "import": ("decisions", self._import),
        }

    def _decide(self, name: str) -> Callable[[SubmittedAction], Awaitable[str]]:
        return lambda press: _decided(self._moderation, name, press)

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
        rule = next((rule for rule in own if rules.mark(rule) == press.text("rule")), None)
        if rule is None:
            raise UserError(_("This rule no longer exists here."))
        return await self._moderation.drop(press.by, press.here, rule)

    async def _import(self, press: SubmittedAction) -> str:
        given = press.given.get("file")
        data = given if isinstance(given, bytes) else b""
        return await self._moderation.import_(press.by, press.here, data.decode("utf-8", "replace"))

    async def _log(self, request: web.Request) -> web.Response:
        by, here = who(request, self._gate), await self._here(request)
        return _download(await self._moderation.log_file(by, here, _wanted(request)), "darkroom-log.jsonl")

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


async def _decided(moderation: ModerationService, name: str, press: SubmittedAction) -> str:
    """Make a decision about rules, with this service or one that keeps nothing."""
    by, here, aim, texts, terms = press.by, press.here, press.aim, press.texts, PolicyForms(moderation)
    match name:
        case "limit":
            return await terms.limit(by, here, aim, texts)
        case "spend":
            return await terms.spend(by, here, texts)
        case "price":
            return await terms.price(by, here, texts)
        case "narrow":
            return await terms.narrow(by, here, aim, texts)
        case "words":
            return await terms.words(by, here, aim, texts)
        case "texts":
            return await terms.texts(by, here, aim, texts)
        case "style":
            return await terms.style(by, here, aim, texts)
        case "models":
            return await terms.models(by, here, aim, texts)
        case "show":
            return await terms.show(by, here, aim, texts)
        case "block":
            return await moderation.block(by, here, press.person, press.text("reason"), press.lasting, aim)
        case _:
            return await moderation.undo(by, here, everywhere=not here.community)


def _ways(by: Person, here: Place, aim: RuleTarget) -> Mapping[str, Callable[[ModerationService], Awaitable[str]]]:
    """The decisions that can be made about a cell of the table."""
    return {
        "allow": lambda acts: acts.allow(by, here, aim),
        "deny": lambda acts: acts.deny(by, here, aim),
        "clear": lambda acts: acts.clear(by, here, aim),
    }


def _wanted(request: web.Request) -> AuditFilter:
    return AuditFilter(request.query.get("kind", ""), _short(request, "who"), _short(request, "words"))


def _short(request: web.Request, name: str) -> str:
    return request.query.get(name, "").strip()[:_LONGEST]


def _found(key: str | None, places: list[Place]) -> Place:
    found = next((place for place in places if key in (None, asked_in(place))), None)
    if found is None:
        raise web.HTTPNotFound
    return found


def _download(data: bytes, name: str) -> web.Response:
    headers = {"Content-Disposition": f"attachment; filename={name}"}
    in_parts = BytesIO(data)  # aiohttp sends bytes at one go
    return web.Response(body=in_parts, content_type="application/octet-stream", headers=headers)
