"""The file `.env` with the first settings: each one below its explanation, private, and never over another file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bot.core.errors import ConfigError
from bot.core.storage import private
from bot.i18n import _
from bot.settings import Settings, example, names

_COMMENTED = re.compile(r"^# (?P<name>[A-Z_]+)=.*$", re.MULTILINE)  # a setting that is not set
_PLAIN = re.compile(r"[\w:/.,*=@+;-]+")  # a value that needs no quotes in the file
#: Settings that do not make a house: who has these alone has not set anything up yet.
_BESIDE = frozenset(
    {
        *("DISCORD_API_BASE", "DISCORD_GATEWAY_URL", "TELEGRAM_API_URL"),
        *("DARKROOM_LOG_FORMAT", "DARKROOM_LOG_LEVEL", "DARKROOM_WEB_PORT"),
    }
)


def is_unset(path: Path, environ: Mapping[str, str] = os.environ) -> bool:
    """True if there is no such file, and no setting in the environment that makes a house."""
    return not path.exists() and not any(environ.get(name) for name in names() if name not in _BESIDE)


def fault_of(values: Mapping[str, str]) -> str | None:
    """Return the mistakes in some settings, each with the name of its setting; None if they are good."""
    try:
        Settings.read(values, None)
    except ConfigError as fault:
        return str(fault)
    return None


def write_new(path: Path, values: Mapping[str, str]) -> None:
    """Write a file with these settings. Raises `ConfigError` with a sentence if there is one already, which stays as it
    is, or if it cannot be written.
    """
    text = filled(example(), values)
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        with open(part, "x", encoding="utf-8", opener=private.opener) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _put(part, path, text)
    except FileExistsError as fault:
        raise ConfigError(there_is(path)) from fault
    except OSError as fault:
        words = _("{file} cannot be written: {reason}")
        raise ConfigError(words.format(file=path, reason=fault.strerror)) from fault
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def check_place(path: Path) -> None:
    """Check that a file can be written there. Raises `ConfigError` with a sentence."""
    trial = path.with_name(f"{path.name}.trial")
    try:
        trial.unlink(missing_ok=True)
        with open(trial, "x", opener=private.opener):
            pass
    except FileExistsError:
        return  # another one tries it at this moment
    except OSError as fault:
        words = _(
            "{file} cannot be written: {reason}. Let the account that runs Darkroom write into that folder, or start "
            "Darkroom in another one. What you answer here stays."
        )
        raise ConfigError(words.format(file=path.absolute(), reason=fault.strerror)) from fault
    finally:
        with suppress(OSError):
            trial.unlink(missing_ok=True)


def there_is(path: Path) -> str:
    return _("There is a file {file} already: change it, or move it away.").format(file=path)


def _put(part: Path, path: Path, text: str) -> None:
    """Give a whole file its name if no other has that."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a disk without links
        with open(path, "x", encoding="utf-8", opener=private.opener) as file:
            file.write(text)


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return the file of all settings with these values in it, each below its explanation."""

    def line(found: re.Match[str]) -> str:
        value = values.get(found["name"])
        return found[0] if value is None else f"{found['name']}={_quoted(value)}"

    return _COMMENTED.sub(line, text)


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    return "'{}'".format(value.replace("\\", "\\\\").replace("'", "\\'"))
