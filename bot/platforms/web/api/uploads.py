"""Turn a page's form into a `RunRequest`: texts, files that are streamed to disk, and files of earlier runs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import UUID, uuid4

from aiohttp import web

from bot.core.errors import BadPicture, BadValue
from bot.core.model import Person, Place, Retouch, RunRequest, StoredFile, UploadedFile
from bot.core.platform import Form, RunRecord, RunService, Services, one_each, read_crop
from bot.i18n import _
from bot.platforms.web.api.multipart import FormReader, broken

_MOST_FILES = 10  # of one field, each with a run of its own
_TEXT_LIMIT = 256 * 1024  # bytes of all texts together
_CROP = 100  # characters of the edges of a crop
LAYERS = ("mask", "crop")  #: what may be drawn on a picture
_REFERENCE = re.compile(r"(?P<run>[0-9a-f-]{36})/(?P<where>files|inputs)/(?P<which>[\w-]{1,64})")


@dataclass(frozen=True)
class SubmittedForm:
    """The contents of a multipart body: each text or file by its field, or the files that shall have a run each; and
    what was drawn on pictures.
    """

    values: Mapping[str, str | UploadedFile | tuple[UploadedFile, ...]]
    drawn: Mapping[str, Retouch] = field(default_factory=dict)


async def unpack(request: web.Request, form: Form, folder: Path, file_limit: int) -> SubmittedForm:
    """Read a multipart body, with the files that the form asks for written to `folder`. It ends at the first part that
    does not belong there. Raises `UserError`, and `OSError` if a file cannot be written.
    """
    media = {field.name for field in form.fields if field.is_media}
    reader = FormReader(request)
    values: dict[str, str | UploadedFile | tuple[UploadedFile, ...]] = {}
    drawn: dict[str, Retouch] = {}
    room = _TEXT_LIMIT
    while (part := await reader.part()) is not None:
        picture, _point, layer = part.name.partition(".")
        if picture in media and layer in LAYERS:
            drawn[picture] = await read_layer(reader, drawn.get(picture, Retouch()), part.name, folder, file_limit)
            continue
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
    return SubmittedForm(values, drawn)


async def read_layer(reader: FormReader, drawn: Retouch, part: str, folder: Path, file_limit: int) -> Retouch:
    """Read one of the layers of a picture, which is named "FIELD.mask" or "FIELD.crop". Raises `UserError`."""
    picture, _point, layer = part.partition(".")
    if layer == "mask" and drawn.mask is None:
        return replace(drawn, mask=await _file(reader, picture, folder / f"mask-{uuid4().hex}.png", file_limit))
    text = await reader.text(_CROP) if layer == "crop" and drawn.crop is None else None
    if text is None:
        raise broken()
    try:
        return replace(drawn, crop=read_crop(text))
    except BadPicture as fault:
        raise BadPicture(fault.reason, picture) from fault


def _several(given: str | UploadedFile | tuple[UploadedFile, ...] | None) -> tuple[UploadedFile, ...]:
    return given if isinstance(given, tuple) else (given,) if isinstance(given, UploadedFile) else ()


async def requested(
    submitted: SubmittedForm, workflow: str, form: Form, services: Services, person: Person, place: Place, folder: Path
) -> RunRequest:
    """Return the request that a submitted form makes. Earlier files that were drawn on are fetched into `folder`.
    Raises `UserError` and `StorageFailed`.
    """
    media = {field.name for field in form.fields if field.is_media}
    values: dict[str, Any] = {}
    for name, given in submitted.values.items():
        if name in media and isinstance(given, str) and given:
            values[name] = await _earlier(name, given, services, person, place)
        else:
            values[name] = given or None
        if (retouch := submitted.drawn.get(name)) is not None:
            values[name] = await drawn_on(values[name], retouch, services, folder)
    return RunRequest(workflow, values, person, place)


async def drawn_on(
    file: StoredFile | UploadedFile | tuple[UploadedFile, ...] | None,
    retouch: Retouch,
    services: Services,
    folder: Path,
) -> UploadedFile | tuple[UploadedFile, ...] | None:
    """Return a picture with what was drawn on it; of several nothing is drawn on. Raises `StorageFailed`."""
    match file:
        case StoredFile():
            path = await services.files.fetch(file, folder / f"drawn-{uuid4().hex}{PurePosixPath(file.key).suffix}")
            return UploadedFile(path, file.filename, retouch, earlier=True)
        case UploadedFile():
            return replace(file, retouch=retouch)
        case _:
            return file


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
