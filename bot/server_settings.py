"""Read the ComfyUI servers from the settings: from one line, or from a file if they need their own headers."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bot.core.care.hooks import CommandHook, Hook, UrlHook
from bot.core.care.machine import Machine
from bot.core.model import Publish
from bot.i18n import _

_HOST_AND_PORT = re.compile(r"([\w.-]+|\[[0-9a-f:]+\]):\d{1,5}/?", re.IGNORECASE)
_ENTRY = re.compile(
    r"(?:(?P<name>[\w.-]+)=)?(?P<url>\S+?)(?:\*(?P<at_once>\d{1,2}))?(?:;publish=(?P<publish>[^;\s]*))?"
)
_HOOKS = ("on_wanted", "on_idle", "idle_after", "start_limit")
_KEYS = ("url", "at_once", "headers", "files_elsewhere", "account_key", "publish", "users", *_HOOKS)
_NAME = re.compile(r"[\w.:-]{1,64}")


class Secret:
    """A text that appears in no log or repr. Call `reveal` to read it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self._text

    def __hash__(self) -> int:
        return hash(self._text)


def secret(text: str) -> Secret:
    """Read a secret. Raises `ValueError`."""
    if not text.isprintable() or not text.isascii() or " " in text:
        raise ValueError(_("it must be printable ASCII characters without spaces"))
    return Secret(text)


@dataclass(frozen=True)
class NamedServer:
    """A server: its name in messages and records, its address, and the number of runs that it gets at once.

    `files_elsewhere` says that its files lie at another public address, to which `/view` redirects. `account_key`
    pays for the nodes of partners there. `publish` says what becomes of workflows that people save there; None
    means the default for its address. Its `machine` is started and stopped by hooks. `users` are those whose saved
    workflows count, if the server has several.
    """

    name: str
    url: str
    at_once: int = 1
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    files_elsewhere: bool = False
    account_key: Secret | None = None
    publish: Publish | None = None
    users: tuple[str, ...] = ()
    machine: Machine | None = None

    @property
    def is_on_this_machine(self) -> bool:
        """True if the address leads to this machine alone."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")


def servers(text: str) -> tuple[NamedServer, ...]:
    """Read `NAME=URL*COUNT;publish=WORD` (only the address is required), separated by commas, or a file NAME.toml.

    Raises `ValueError` with an example.
    """
    if text.endswith(".toml"):
        found = _from_file(Path(text).expanduser())
    else:
        found = tuple(map(_entry, text.replace(",", " ").split()))
    names = [server.name for server in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(_("two servers are called “{name}”: give them names, such as one=URL").format(name=twice))
    return found


def server_url(text: str) -> str:
    """Check a server's address. Raises `ValueError` with an example."""
    example = _("it should look like http://127.0.0.1:8188")
    try:
        parts = urlsplit(text.strip())
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            parts.hostname.encode("idna")  # no name is asked for otherwise
            return text.strip()
    except ValueError:
        pass
    shown = text.rpartition("@")[2].partition("?")[0]  # without a password before it and a token after it
    raise ValueError(_("“{text}” is not a server's address: {example}").format(text=shown, example=example))


def typed_url(text: str) -> str:
    """Check an address that a person typed: before HOST:PORT they may leave http:// out. Raises as `server_url`."""
    return server_url(f"http://{text}" if _HOST_AND_PORT.fullmatch(text) else text)


def _entry(text: str) -> NamedServer:
    found = _ENTRY.fullmatch(text)
    if found is None or "://" not in text.partition("=")[2 if found["name"] else 0]:
        return NamedServer("", typed_url(text))
    url = server_url(found["url"])
    publish = _publish(found["publish"]) if found["publish"] is not None else None
    return NamedServer(found["name"] or _host(url), url, _count(found["at_once"] or "1"), publish=publish)


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def _count(text: str) -> int:
    if not 1 <= int(text) <= 16:
        raise ValueError(_("a server can take 1 to 16 runs at once, not {count}").format(count=text))
    return int(text)


def _publish(text: object) -> Publish:
    try:
        return Publish(str(text))
    except ValueError:
        words = _("publish is one of {words}, not “{text}”")
        raise ValueError(words.format(words=", ".join(Publish), text=text)) from None


def _from_file(path: Path) -> tuple[NamedServer, ...]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise ValueError(_("the file “{path}” does not exist or cannot be read").format(path=path)) from None
    except ValueError as fault:
        raise ValueError(_("“{path}” is not valid TOML: {fault}").format(path=path, fault=fault)) from None
    return tuple(_table(name, table) for name, table in data.items())


def _table(name: str, table: Any) -> NamedServer:
    keys = ", ".join(_KEYS)
    if isinstance(table, dict) and (wrong := sorted(table.keys() - set(_KEYS))):
        words = _("“{name}” has an unknown key “{key}”; keys: {keys}")
        raise ValueError(words.format(name=name, key=wrong[0], keys=keys))
    if not isinstance(table, dict) or not _NAME.fullmatch(name) or "url" not in table:
        words = _("“{name}” must be a table with url; its keys can be {keys}")
        raise ValueError(words.format(name=name, keys=keys))
    headers = table.get("headers", {})
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise ValueError(_("the headers of “{name}” must be strings").format(name=name))
    elsewhere = table.get("files_elsewhere", False)
    if elsewhere is not True and elsewhere is not False:
        raise ValueError(_("files_elsewhere of “{name}” must be true or false").format(name=name))
    users = table.get("users", [])
    if not isinstance(users, list) or not all(isinstance(user, str) and user for user in users):
        raise ValueError(_("the users of “{name}” must be a list of names").format(name=name))
    publish = _publish(table["publish"]) if "publish" in table else None
    url, at_once = server_url(str(table["url"])), _count(str(table.get("at_once", 1)))
    key = _account_key(name, table.get("account_key"))
    return NamedServer(name, url, at_once, headers, elsewhere, key, publish, tuple(users), _machine(name, table))


def _machine(name: str, table: Mapping[str, Any]) -> Machine | None:
    given = [key for key in _HOOKS if key in table]
    if not given:
        return None
    if "on_wanted" not in table:
        words = _("“{name}” has {key}, and no on_wanted that starts its machine")
        raise ValueError(words.format(name=name, key=given[0]))
    hooks = {key: _hook(name, key, table[key]) for key in ("on_wanted", "on_idle") if key in table}
    limits = {key: _limit(name, key, table[key]) for key in ("idle_after", "start_limit") if key in table}
    return Machine(**hooks, **limits)  # type: ignore[arg-type]


def _hook(name: str, key: str, given: object) -> Hook:
    if isinstance(given, str):
        try:
            return UrlHook(server_url(given))
        except ValueError:
            pass
    if isinstance(given, list) and given and all(isinstance(word, str) and word for word in given):
        return CommandHook(tuple(given))
    words = _('{key} of “{name}” must be an address, or a command as a list such as ["start-it", "gpu"]')
    raise ValueError(words.format(key=key, name=name))


def _limit(name: str, key: str, given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 1 <= given <= 86_400:
        words = _("{key} of “{name}” must be a number of seconds, from 1 to 86,400")
        raise ValueError(words.format(key=key, name=name))
    return float(given)


def _account_key(name: str, given: object) -> Secret | None:
    if given is None:
        return None
    try:
        return secret(given if isinstance(given, str) and given else " ")
    except ValueError as fault:
        raise ValueError(_("account_key of “{name}”: {fault}").format(name=name, fault=fault)) from None
