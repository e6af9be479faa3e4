"""Turn a page's form into a `RunRequest`: texts, files that are streamed to disk, and files of earlier runs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import UUID

from aiohttp import web

from bot.core.errors import BadValue
from bot.core.model import Person, Place, RunRequest, StoredFile, UploadedFile
from bot.core.platform import Form, RunRecord, RunService, Services, one_each
from bot.i18n import _
from bot.platforms.web.api.multipart import FormReader, broken

_MOST_FILES = 10  # of one field, each with a run of its own
_TEXT_LIMIT = 256 * 1024  # bytes of all texts together
_REFERENCE = re.compile(r"(?P<run>[0-9a-f-]{36})/(?P<where>files|inputs)/(?P<which>[\w-]{1,64})")


@dataclass(frozen=True)
class SubmittedForm:
    """The contents of a multipart body: each text or file by its field, or the files that shall have a run each."""

    values: Mapping[str, str | UploadedFile | tuple[UploadedFile, ...]]


async def unpack(request: web.Request, form: Form, folder: Path, file_limit: int) -> SubmittedForm:
    """Read a multipart body, with the files that the form asks for written to `folder`. It ends at the first part that
    does not belong there. Raises `UserError`, and `OSError` if a file cannot be written.
    """
    media = {field.name for field in form.fields if field.is_media}
    reader = FormReader(request)
    values: dict[str, str | UploadedFile | tuple[UploadedFile, ...]] = {}
    room = _TEXT_LIMIT
    while (part := await reader.part()) is not None:
        if part.name not in form.names:
            raise form.faults({part.name: ""})[0]
        earlier = values.get(part.name)
        if earlier is not None and (part.filename is None or isinstance(earlier, str) or not one_each(form, 2)):
            raise broken()
        if part.filename is None:
            text = await reader.text(room)
            if text is None:
                raise BadValue(part.name, _("this is too long."))
            values[part.name], room = text, room - len(text) - 1
        elif part.name not in media:
            raise BadValue(part.name, _("this field takes no file. Please leave it out."))
        else:
            filename = _plain_name(part.filename)
            if len(_several(earlier)) >= _MOST_FILES:
                raise BadValue(part.name, _("these are more than {most} files.").format(most=_MOST_FILES))
            path = folder / f"upload-{len(values)}-{len(_several(earlier))}{_suffix(filename)}"
            new = UploadedFile(await _file(reader, part.name, path, file_limit), filename)
            values[part.name] = new if earlier is None else (*_several(earlier), new)
    return SubmittedForm(values)


def _several(given: str | UploadedFile | tuple[UploadedFile, ...] | None) -> tuple[UploadedFile, ...]:
    return given if isinstance(given, tuple) else (given,) if isinstance(given, UploadedFile) else ()


async def requested(
    submitted: SubmittedForm, workflow: str, form: Form, services: Services, person: Person, place: Place
) -> RunRequest:
    """Return the request that a submitted form makes. Raises `UserError`."""
    media = {field.name for field in form.fields if field.is_media}
    values: dict[str, Any] = {}
    for name, given in submitted.values.items():
        if name in media and isinstance(given, str) and given:
            values[name] = await _earlier(name, given, services, person, place)
        else:
            values[name] = given or None
    return RunRequest(workflow, values, person, place)


def place_of(visitor: str) -> Place:
    """A visitor's page is theirs alone."""
    return Place("web", visitor)


async def owned(runs: RunService, run_id: str, visitor: str) -> RunRecord:
    """A run of this visitor's, from whichever of their accounts; where it is anybody else's, it is not there. Raises
    `HTTPNotFound`.
    """
    run = await runs.get(run_id) if _is_id(run_id) else None
    if run is None or not runs.is_of(run, Person("web", visitor)):
        raise web.HTTPNotFound
    return run


async def _file(reader: FormReader, field: str, path: Path, limit: int) -> Path:
    """Write a file under a name of ours: theirs never touches a path, but for an ending that is plain."""
    size = 0
    file = await asyncio.to_thread(path.open, "wb")
    try:
        while piece := await reader.piece():
            size += len(piece)
            if size > limit:
                words = _("the file is too large; the maximum is {most:g} MB.")
                raise BadValue(field, words.format(most=limit / 1e6))
            await asyncio.to_thread(file.write, piece)
    finally:
        await asyncio.to_thread(file.close)
    return path


def _plain_name(filename: str) -> str:
    """The name of a file without folders and without characters that cannot be seen."""
    name = PurePosixPath(filename.replace("\\", "/")).name
    return "".join(filter(str.isprintable, name))[:120] or "file"


def _suffix(filename: str) -> str:
    found = re.search(r"\.[A-Za-z0-9]{1,8}$", filename)
    return found[0].lower() if found else ""


async def _earlier(name: str, text: str, services: Services, person: Person, place: Place) -> StoredFile:
    found = _REFERENCE.fullmatch(text)
    run = await services.runs.get(found["run"]) if found else None
    if found is not None and run is not None and services.runs.is_of(run, person):
        stored = stored_in(services, run, person, place, found["where"], found["which"])
        if stored is not None:
            return stored
    raise BadValue(name, _("this file is gone; please give it again."))


def stored_in(
    services: Services, run: RunRecord, person: Person, place: Place, where: str, which: str
) -> StoredFile | None:
    """A file of a run that this person may have: an input by its field, or a result by its number."""
    if where == "inputs":
        return services.runs.inputs_for(run, person, place).get(which)
    files = services.runs.files_for(run, person, present=False)
    return files[int(which)] if re.fullmatch(r"[0-9]{1,4}", which) and int(which) < len(files) else None


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
