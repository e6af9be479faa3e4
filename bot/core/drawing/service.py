"""The service for masks that are drawn on the page for runs in chats: the link, the picture, and the run with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from time import monotonic

from bot.core.errors import DeliveryFailed, LinkRefused, StorageFailed, UserError
from bot.core.masks.links import MINUTES, MaskLink, MaskLinks
from bot.core.media.files import FileService
from bot.core.model import Person, Place, Retouch, RunSummary, StoredFile, UploadedFile
from bot.core.policy.audit import Audit
from bot.core.run import RunRecord
from bot.core.runs.replies import RunReplies
from bot.core.runs.service import RunService
from bot.i18n import _

_LINES = 20  # of the audit log in an hour about forged links, and about each genuine one
_HOUR = 3600.0


@dataclass(frozen=True)
class MaskTask:
    """The picture that a link opens, and the titles of its workflow and its field."""

    title: str
    field: str
    picture: StoredFile


class MaskService:
    """Methods raise `UserError` and `StorageFailed`. A browser is known by a secret of its own."""

    def __init__(
        self,
        links: MaskLinks,
        runs: RunService,
        replies: RunReplies,
        files: FileService,
        audit: Audit,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._links, self._runs, self._replies, self._files = links, runs, replies, files
        self._audit, self._clock = audit, clock
        self._told: Counter[str] = Counter()
        self._told_from = 0.0

    async def link(self, run: RunRecord, person: Person, place: Place) -> str:
        """Return the link with which a person draws a mask on a picture of their own run. It is for them alone."""
        fields = self._replies.mask_fields(run)
        usable = self._runs.inputs_for(run, person, place)
        field = next((name for name in fields if name in usable), None)
        own = self._runs.is_of(run, person)
        link = await self._links.make(run.id, field, person, place) if own and field is not None else ""
        if not link:
            raise UserError(_("There is no picture of yours here to draw a mask on."))
        return link

    @staticmethod
    def words() -> str:
        """Say what a link is for, and for how long."""
        words = _("Draw the mask in your browser. The link is for you alone, and works for {minutes} minutes.")
        return words.format(minutes=MINUTES)

    async def open(self, token: str, browser: str) -> MaskTask:
        """Open a link in a browser, which has it for itself from then on."""
        link = await self._genuine(token)
        if not await self._links.bind(link, browser):
            raise await self._refused(link, _("This link was opened in another browser. Ask for a new one."))
        return await self._task(link)

    async def task(self, token: str, browser: str) -> MaskTask:
        """Return what a link opens to the browser that has opened it."""
        return await self._task(await self._opened(token, browser))

    async def save(self, token: str, browser: str, retouch: Retouch, folder: Path) -> None:
        """Start the run with what was drawn, which uses the link up; not if the run is refused."""
        link = await self._opened(token, browser)
        task = await self._task(link)
        if not await self._links.use(link):
            raise await self._refused(link, _("A mask was saved with this link before. Ask for a new one."))
        try:
            path = await self._files.fetch(task.picture, folder / f"picture{PurePosixPath(task.picture.key).suffix}")
            await self._start(link, UploadedFile(path, task.picture.filename, retouch, earlier=True))
        except (UserError, StorageFailed):
            await self._links.give_back(link)
            raise
        except DeliveryFailed as fault:
            await self._links.give_back(link)
            raise UserError(str(fault)) from fault

    async def _start(self, link: MaskLink, picture: UploadedFile) -> None:
        request = await self._runs.again(link.run_id, link.person, link.place, {link.field: picture})
        run = await self._run(link)
        poster = self._replies.poster(run)
        if poster is None:
            raise UserError(_("The chat of this run cannot be reached from here."))
        shown = {name: value for name, value in request.values.items() if isinstance(value, str | int | float)}
        title = self._replies.brief(run).title
        brief = RunSummary("", request.workflow, title, request.person, request.place, shown, private=run.private)
        async with poster.opened(brief, run.address) as message:
            await self._runs.submit(replace(request, private=False), message)

    async def _genuine(self, token: str) -> MaskLink:
        if not await self._links.is_genuine(token):
            raise await self._refused(None, _("This is not a link that was made here. Ask for one in the chat."))
        link = await self._links.find(token)
        if link is None or self._links.is_over(link):
            raise await self._refused(link, _("This link is too old. Ask for a new one."))
        return link

    async def _opened(self, token: str, browser: str) -> MaskLink:
        link = await self._genuine(token)
        if not await self._links.is_bound(link, browser):
            raise await self._refused(link, _("This link was not opened in this browser. Ask for a new one."))
        return link

    async def _run(self, link: MaskLink) -> RunRecord:
        run = await self._runs.get(link.run_id)
        if run is None or link.field not in run.inputs:
            raise UserError(_("This run has been deleted. Please send a new request."))
        return run

    async def _task(self, link: MaskLink) -> MaskTask:
        run = await self._run(link)
        title, name = self._replies.brief(run).title, self._replies.mask_fields(run).get(link.field, link.field)
        return MaskTask(title, name, run.inputs[link.field])

    async def _refused(self, link: MaskLink | None, words: str) -> LinkRefused:
        """Log a refusal, as far as there is room: a forged link can be sent by anybody, and often."""
        now = self._clock()
        if now - self._told_from > _HOUR:
            self._told, self._told_from = Counter(), now
        key = link.id if link is not None else ""
        self._told[key] += 1
        if self._told[key] <= _LINES:
            person = link.person if link is not None else Person("web", "", _("someone"))
            place = link.place if link is not None else Place("web", "")
            await self._audit.refused(person, place, f"mask: {words}")
        return LinkRefused(words)
