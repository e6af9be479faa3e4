"""Codes that join accounts: each is for one account, works once, and only for some minutes.

A code is kept as a digest. It has 50 random bits, and an account may guess a few times, so that no code is found.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update

from bot.core.errors import TooMany
from bot.core.storage.schema import link_codes
from bot.i18n import _

LASTS = 600.0  #: seconds
_GUESSES = 5  # wrong codes of an account, in the time that a code lasts


def new_code(connection: Connection, account: str, name: str, now: float) -> str:
    """Return a new code of an account; the one before no longer works."""
    code = base64.b32encode(secrets.token_bytes(10)).decode()[:10]
    values = {"name": name, "digest": _digest(code), "at": now}
    _put(connection, account, values)
    return f"{code[:5]}-{code[5:]}"


def named(connection: Connection, code: str, now: float) -> tuple[str, str] | None:
    """Return the account that a code is of, and its name."""
    where = (link_codes.c.digest == _digest(code), link_codes.c.at > now - LASTS)
    row = connection.execute(select(link_codes.c.account, link_codes.c.name).where(*where)).one_or_none()
    return (row.account, row.name) if row is not None else None


def redeem(connection: Connection, by: str, code: str, now: float) -> tuple[str, str] | None:
    """Use a code up; the account that it is of, and its name. A wrong one is counted as a guess. Raises `TooMany`."""
    check_guess(connection, by, now)
    found = named(connection, code, now)
    if found is None:
        note_guess(connection, by, now)
    else:
        forget_code(connection, found[0])
    return found


def check_guess(connection: Connection, account: str, now: float) -> None:
    """Raise `TooMany` if an account has guessed too often."""
    if _guesses(connection, account, now) >= _GUESSES:
        raise TooMany(_("Too many wrong codes. Please try again in ten minutes."))


def note_guess(connection: Connection, account: str, now: float) -> None:
    values: dict[str, Any] = {"wrong": _guesses(connection, account, now) + 1, "wrong_at": now}
    _put(connection, account, values)


def forget_code(connection: Connection, account: str) -> None:
    """Delete the code of an account."""
    mine = update(link_codes).where(link_codes.c.account == account)
    connection.execute(mine.values(digest=None, name=""))


def sweep_codes(connection: Connection, now: float) -> None:
    """Delete what is too old to count."""
    old = (link_codes.c.at < now - LASTS, or_(link_codes.c.wrong_at.is_(None), link_codes.c.wrong_at < now - LASTS))
    connection.execute(delete(link_codes).where(*old))


def _put(connection: Connection, account: str, values: dict[str, Any]) -> None:
    change = update(link_codes).where(link_codes.c.account == account).values(values)
    if not connection.execute(change).rowcount:
        row = {"account": account, "name": "", "digest": None, "at": 0.0, "wrong": 0, "wrong_at": None, **values}
        connection.execute(insert(link_codes).values(row))


def _guesses(connection: Connection, account: str, now: float) -> int:
    fresh = (link_codes.c.account == account, link_codes.c.wrong_at > now - LASTS)
    return connection.execute(select(link_codes.c.wrong).where(*fresh)).scalar() or 0


def _digest(code: str) -> str:
    plain = "".join(filter(str.isalnum, code.upper())).replace("0", "O").replace("1", "I").replace("8", "B")
    return hashlib.sha256(plain.encode()).hexdigest()
