"""Read what people have saved at a server: lists of files, and the files that changed since the last look.

An empty list means that the server said so. Whatever else stands in the way (the server is away, a 500, a login page)
raises an error, so that a caller never takes it for an empty folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from comfy.errors import FileMissing, Garbled, UnexpectedAnswer
from comfy.library.unchanged import End
from comfy.saved.containers import MOST

if TYPE_CHECKING:
    from comfy.http import Http

LARGEST_FILE = MOST  #: bytes of a saved file
_LARGEST_LIST = 4_000_000  # bytes; an entry has about 95
_NO_FOLDER = b"Directory not found"
_USER = "comfy-user"
_IN_VAIN = 3
_MILLISECONDS = 1e11  # of a time; one in seconds is smaller until the year 5138


@dataclass(frozen=True)
class UserFile:
    """A saved file: its path below the listed folder, its bytes, and when it was changed, in seconds since 1970. An old
    server tells neither size nor time.
    """

    path: str
    size: int | None = None
    modified: float | None = None


async def users(http: Http) -> Mapping[str, str] | None:
    """Return the names of the server's users by their ids; None if all is kept for one user."""
    _, body = await http.get("users", _LARGEST_LIST)
    match http.parsed(body, "users"):
        case {"users": dict(found)}:
            return {str(user): str(name) for user, name in found.items()}
        case {"storage": _}:
            return None
        case _:
            raise Garbled("the server's answer about its users is not ComfyUI's")


class Listing:
    """The files that a user has saved in a folder and its subfolders, for a caller that looks again and again."""

    def __init__(self, http: Http, folder: str, user: str | None) -> None:
        self._http, self._headers = http, _of(user)
        self._query = {"dir": folder, "recurse": "true", "full_info": "true"}
        self._last: tuple[int, bytes, tuple[UserFile, ...]] | None = None
        self._has_waited, self._in_vain = False, 0  # waits in a row after which the answer was still the same

    async def read(self) -> tuple[UserFile, ...]:
        """Return the files, the same tuple if the answer has not changed; none if the server says that it has no such
        folder.
        """
        last, self._last = self._last, None
        status, body = await self._http.get(
            "userdata", _LARGEST_LIST, query=self._query, headers=self._headers, accept=(200, 404)
        )
        is_same = last is not None and last[:2] == (status, body)
        if not is_same:
            self._in_vain = 0
        elif self._has_waited:
            self._in_vain += 1
        self._has_waited = False
        files = last[2] if last is not None and is_same else self._files(status, body)
        self._last = status, body, files
        return files

    async def until_changed(self, pause: Callable[[], float]) -> End:
        """Wait until it may be another list than the last one, asking after a `pause` of so many seconds. Nothing is
        asked where a list cannot be recognized.
        """
        if self._last is None or self._in_vain >= _IN_VAIN:
            return End.NOT_ASKED
        status, body, _files = self._last
        end = await self._http.until_other("userdata", self._query, self._headers, status, body, pause)
        self._has_waited = True  # and was not cancelled
        return end

    def _files(self, status: int, body: bytes) -> tuple[UserFile, ...]:
        if status == 404:
            if body.strip() == _NO_FOLDER:
                return ()
            raise UnexpectedAnswer(
                "the server has no list of saved files: ComfyUI is too old, or the address is wrong", 404
            )
        entries = self._http.parsed(body, "userdata")
        if not isinstance(entries, list):
            raise Garbled("the server's list of saved files is not in ComfyUI's format")
        return tuple(map(_read, entries))


async def file(http: Http, path: str, user: str | None) -> bytes:
    """Return a saved file, by its path below the user's folder. Raises `FileMissing` if it is not there any longer."""
    name = quote(quote(path, safe="") if "%" in path else path, safe="")  # ComfyUI decodes a name with “%” once more
    status, body = await http.get(f"userdata/{name}", LARGEST_FILE, headers=_of(user), accept=(200, 404))
    if status == 404:
        raise FileMissing(f"the server has no saved file {path!r}", 404)
    return body


def _of(user: str | None) -> dict[str, str]:
    return {} if user is None else {_USER: user}


def _read(entry: Any) -> UserFile:
    match entry:
        case str(path):  # an old server gives names alone
            return UserFile(path.replace("\\", "/"))
        case {"path": str(path), "size": int(size), "modified": int(modified) | float(modified)}:
            return UserFile(path, size, modified / 1000 if modified > _MILLISECONDS else modified)
        case _:
            raise Garbled("the server's list of saved files is not in ComfyUI's format")
