"""Check a request: the result is a request that can run, or a `UserError` that says what to change."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from bot.core.errors import BadPicture, BadValue, CannotRun, all_of
from bot.core.media.films.making import is_video, last_picture, missing
from bot.core.media.images import PictureLimits, prepare
from bot.core.media.retouch import retouched
from bot.core.model import Person, RunRequest, StoredFile, UploadedFile
from bot.core.policy.field_constraints import FieldConstraints
from bot.core.runs.answers import ServerAnswers
from bot.core.several.seeds import next_seeds
from bot.core.workflows.catalog import Versions, Workflows
from bot.core.workflows.field_kinds import kind_of_file
from bot.core.workflows.form import Field, FieldKind, Form, shown
from bot.core.workflows.workflow import Workflow
from bot.i18n import _
from comfy.messages.files import Kind, kind_of
from comfy.object_info import ObjectInfo

#: The nodes and models of each known server, by the server's name.
KnownNodes = Callable[[], Awaitable[Mapping[str, ObjectInfo]]]

_MADE = 10  # times as large may a picture be that was made plain here, or that a server made


@dataclass(frozen=True)
class ValidatedRequest:
    """A request that can run. `media` are the files to upload, by field; `stem` is the base name of its results; `kind`
    is a key for runs of similar duration and needs, and `seed` the first seed as a text, if there is one.
    """

    workflow: Workflow
    values: Mapping[str, Any]
    media: Mapping[str, InputFile]
    stem: str
    kind: str
    person: Person
    id: UUID = field(default_factory=uuid4)
    seed: str = ""


@dataclass(frozen=True)
class InputFile:
    """A person's file, ready to send: its path, the person's name for it, and its kind. `note` says for the person what
    had to be changed.
    """

    path: Path
    filename: str
    kind: FieldKind
    note: str = ""


class RequestValidator:
    """Checks requests against the workflows and what the servers have."""

    def __init__(self, versions: Versions, known: KnownNodes, limits: PictureLimits) -> None:
        self.versions = versions
        self._known, self._limits = known, limits
        self._answers, self._renewing = ServerAnswers({}), asyncio.Lock()
        self._prepared: tuple[int, ServerAnswers] | None = None  # the workflows and servers for which all is worked out

    @property
    def catalog(self) -> Workflows:
        return self.versions.catalog

    async def known(self) -> Mapping[str, ObjectInfo]:
        """Return the nodes and models of each known server."""
        return await self._known()

    async def form(self, workflow: Workflow) -> Form:
        """Return the workflow's form with the servers' choices, such as their models."""
        return await (await self._answering()).forms.get(workflow)

    def loras(self, workflow: Workflow) -> tuple[str, ...]:
        """Return the LoRAs that a run of a workflow can use, as far as servers were asked."""
        return self._answers.loras(workflow)

    async def lacks(self, workflow: Workflow) -> str | None:
        """Describe what the servers lack to run a workflow; None if at least one can run it."""
        return await (await self._answering()).lacks.get(workflow)

    async def prepare(self) -> None:
        """Work out what the servers lack for all workflows, so that no menu has to wait for that."""
        wanted = self.catalog.version, await self._answering()
        if wanted != self._prepared:
            await self.lacks_of(self.catalog.workflows.values())
            self._prepared = wanted

    async def lacks_of(self, workflows: Iterable[Workflow]) -> list[str | None]:
        """Describe for each of many workflows what the servers lack to run it, as `lacks` does."""
        lacks = (await self._answering()).lacks
        return [found[1] if (found := lacks.at_hand(each)) else await lacks.get(each) for each in tuple(workflows)]

    async def check_able(self, workflow: Workflow) -> None:
        """Raise `CannotRun` if no server can run a workflow."""
        if lacks := await self.lacks(workflow):
            words = (
                _("“{workflow}” cannot run on this server. {lacks}")
                if len(await self._known()) == 1
                else _("“{workflow}” cannot run on any server. {lacks}")
            )
            raise CannotRun(words.format(workflow=workflow.name, lacks=lacks))

    async def where_to_get(self, workflow: Workflow) -> tuple[str, ...]:
        """Say for operators where what the servers lack can be had; nothing if one of them can run the workflow."""
        return await (await self._answering()).where_to_get.get(workflow) if await self.lacks(workflow) else ()

    async def _answering(self) -> ServerAnswers:
        """Return the answers for what is known now."""
        known = await self._known()
        async with self._renewing:
            if not self._answers.holds_for(known):
                answers = ServerAnswers(known, self._answers)
                await asyncio.to_thread(answers.share)
                self._answers = answers
            return self._answers

    async def check(
        self,
        request: RunRequest,
        folder: Path,
        restriction: FieldConstraints = FieldConstraints(),  # noqa: B008 - it is frozen
        later: str = "",
    ) -> ValidatedRequest:
        """Check a request, and put its files into `folder`. The field `later` gets its file when there is one. Raises
        `UserError`.
        """
        workflow = await self.versions.get(request.workflow, request.version)
        if workflow.steps:
            raise CannotRun(_("“{title}” is a recipe: it runs in chats and on the page.").format(title=workflow.title))
        await self.check_able(workflow)
        form = _with_files((await self.form(workflow)).without(later), request.values)
        fields = {each.name: each for each in form.fields}
        files = {name: request.values.get(name) for name, each in fields.items() if each.is_media}
        given = {name: file for name, file in files.items() if isinstance(file, UploadedFile)}
        values, faults = _checked(form, request.values, restriction)
        faults += [BadValue(name, _("give a file.")) for name, text in files.items() if text and name not in given]
        media: dict[str, InputFile] = {}
        for name, file in given.items():
            try:
                media[name] = await self._store(fields[name], file, folder)
            except (BadValue, BadPicture) as fault:
                faults.append(fault)
        if faults:
            raise all_of(faults)
        values |= (await self._answering()).draw(workflow)
        shown = {name: value for name, value in values.items() if name not in files}
        seed = _seed(workflow, form, values)
        stem, kind = _stem(workflow, seed, given), workflow.kind(form, shown)
        return ValidatedRequest(workflow, shown, media, stem, kind, request.person, seed=seed)

    async def recipe(self, request: RunRequest, recipe: Workflow, restriction: FieldConstraints) -> RunRequest:
        """Return a request for a recipe with the values that its form gives, as moderators narrow it. Its steps check
        them on. Raises `BadValue`.
        """
        form = _with_files(await self.form(recipe), request.values)
        before = recipe.steps[: request.resume.step] if request.resume is not None else ()
        gone = {name for step in before for name, _own in step.asked}
        form = Form(tuple(field for field in form.fields if field.name not in gone))
        given = {name: value for name, value in request.values.items() if name not in gone}
        files = {name: value for name, value in given.items() if isinstance(value, UploadedFile | StoredFile)}
        return replace(request, values={**restriction.check(form, _texts(given)), **files})

    async def cells(
        self, first: ValidatedRequest, given: Mapping[str, Any], restriction: FieldConstraints, count: int
    ) -> list[ValidatedRequest]:
        """Return so many requests like the first one, each with seeds of its own. `given` is what the person gave."""
        if count == 1:
            return [first]
        workflow, answers = first.workflow, await self._answering()
        form = await self.form(workflow)
        seeds, cells = restriction.seeds(form), [first]
        for number in range(1, count):
            own = {**next_seeds(seeds, given, first.values, number), **answers.draw(workflow)}
            values = {**first.values, **own}
            seed = _seed(workflow, form, values)
            stem = _stem(workflow, seed, first.media)
            cells.append(replace(first, values=values, stem=stem, seed=seed, id=uuid4()))
        return cells

    async def varied(
        self, first: ValidatedRequest, given: Sequence[Mapping[str, Any]], restriction: FieldConstraints
    ) -> list[ValidatedRequest]:
        """Return requests with these values, and with the files of the first one, of which the first values are. They
        have its seeds, where their own values have none. Raises `BadValue`.
        """
        workflow, cells = first.workflow, [first]
        drawn = {each.name: first.values[each.name] for each in workflow.drawn if each.name in first.values}
        for own in given[1:]:
            form = _with_files(await self.form(workflow), own)
            found = restriction.check(form, _texts(own))
            seeds = {each.name: first.values[each.name] for each in form.fields if each.seed and _is_absent(own, each)}
            values = {name: value for name, value in {**found, **seeds, **drawn}.items() if name not in first.media}
            seed = _seed(workflow, form, values)
            stem, kind = _stem(workflow, seed, first.media), workflow.kind(form, values)
            cells.append(replace(first, values=values, stem=stem, kind=kind, seed=seed, id=uuid4()))
        return cells

    async def _store(self, field: Field, file: UploadedFile, folder: Path) -> InputFile:
        if field.kind is FieldKind.IMAGE:
            try:
                return await self._picture(field, file, folder)
            except BadPicture as fault:
                raise BadPicture(fault.reason, field.name) from fault
        if field.kind is FieldKind.MODEL_3D and kind_of(file.filename) is not Kind.MODEL_3D:
            words = _("{name} is not a 3D file; give a file such as GLB, OBJ or STL.")
            raise BadValue(field.name, words.format(name=shown(file.filename)))
        size = await asyncio.to_thread(_size, file.path)
        if not 0 < size <= self._limits.max_bytes:
            most = f"{self._limits.max_bytes / 1e6:g}"
            raise BadValue(
                field.name, _("the file must not be empty, and must have at most {most} MB.").format(most=most)
            )
        return InputFile(file.path, file.filename, field.kind)

    async def _picture(self, field: Field, file: UploadedFile, folder: Path) -> InputFile:
        """Make a picture plain, and put into it what was drawn on it. Of a video its last picture is taken. Raises
        `BadPicture`.
        """
        retouch, name = file.retouch, file.filename
        if retouch is not None and retouch.mask is not None and not field.mask:
            raise BadPicture(_("this workflow uses no mask here. Leave it out."))
        notes, path, limits = list[str](), file.path, self._limits
        if file.earlier:
            limits = replace(limits, max_bytes=limits.max_bytes * _MADE)
        if is_film := await is_video(path):
            path, name = await _last_picture(file, folder), Path(name).with_suffix(".png").name
            notes.append(_("{name} is a video: its last picture is taken.").format(name=file.filename))
        frames = field.frames and retouch is None and not is_film
        made = await prepare(path, folder, limits, name, frames=frames)
        drawn = made.path if retouch is None else await retouched(made.path, retouch, name)
        return InputFile(drawn, name, field.kind, " ".join(filter(None, (*notes, made.note))))


async def _last_picture(file: UploadedFile, folder: Path) -> Path:
    last = await last_picture(file.path, folder)
    if last is None:
        words = _("{name} is a video, and this takes a picture.")
        raise BadPicture(" ".join(filter(None, (words.format(name=file.filename), missing()))))
    return last


def _with_files(form: Form, given: Mapping[str, Any]) -> Form:
    """Let a field take a file if it is given one: only a server's definitions may say that a node loads files, and no
    server may be known.
    """
    return Form(
        tuple(
            replace(each, kind=kind_of_file(file.filename, None), choices=None)
            if isinstance(file := given.get(each.name), UploadedFile) and not each.is_media
            else each
            for each in form.fields
        )
    )


def _checked(
    form: Form, given: Mapping[str, Any], restriction: FieldConstraints
) -> tuple[dict[str, object], list[BadValue | BadPicture]]:
    """The values to run with, or their faults."""
    try:
        return restriction.check(form, _texts(given)), []
    except BadValue as fault:
        return {}, list(fault.each)


def _is_absent(given: Mapping[str, Any], field: Field) -> bool:
    value = given.get(field.name)
    return value is None or (isinstance(value, str) and not value.strip())


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _texts(values: Mapping[str, Any]) -> dict[str, Any]:
    """Replace files by text for the form, which only checks that they are there. `images` checks their content."""
    return {
        name: value.filename if isinstance(value, UploadedFile | StoredFile) else value
        for name, value in values.items()
    }


def _seed(workflow: Workflow, form: Form, values: Mapping[str, Any]) -> str:
    """Return the first seed of a run; empty if it has none."""
    names = [*(each.name for each in form.fields if each.seed), *(each.name for each in workflow.drawn)]
    return next((str(values[name]) for name in names if values.get(name) is not None), "")


def _stem(workflow: Workflow, seed: str, given: Mapping[str, UploadedFile | InputFile]) -> str:
    """Return the base name of the results: `chelsea-poster` after the first picture, else `imagine-SEED`."""
    for file in given.values():
        return f"{safe_name(Path(file.filename).stem) or 'picture'}-{workflow.name}"
    return "-".join([workflow.name, *([seed] if seed else [])])


def safe_name(text: str) -> str:
    """Turn a text into a file name that works on every system and is not hidden."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-. ")[:60]
