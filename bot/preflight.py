"""Find what `darkroom start` would refuse, and leave everything as it is. `start` and `check` both ask here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass

from bot.core.errors import ConfigError
from bot.core.extras import need, need_engine
from bot.i18n import _
from bot.settings import Role, Settings
from bot.stores import examine as examine_stores

#: Try what the platforms need; True asks them to listen at their ports for a moment. Each raises `ConfigError`.
Trials = Callable[[bool], Iterable[Awaitable[None]]]


@dataclass(frozen=True)
class Findings:
    """`faults` are mistakes in the settings, or in what they name. `idle` says that no platform is on, and `busy` that
    another process already works here; both are None if that is not so. `hint` says what the settings keep from you.
    """

    faults: tuple[str, ...]
    idle: str | None
    busy: str | None
    hint: str | None = None


async def examine(settings: Settings, role: Role, trials: Trials) -> Findings:
    """Examine the stores and the platforms. If another process works here, its ports are not tried."""
    faults, busy = await examine_stores(settings, role.worker)
    faults += _lacking(settings, role)
    faults += [fault async for fault in _failed(trials(role.chat and busy is None))]
    return Findings(tuple(faults), _idle(settings), busy, _hint(settings))


def _lacking(settings: Settings, role: Role) -> Iterator[str]:
    """Yield what the settings need and this installation does not have."""
    if role.worker is not None and not settings.servers:
        try:
            need_engine()
        except ConfigError as fault:
            yield str(fault)
    if settings.otlp_url is not None:
        try:
            need("otel", _("DARKROOM_OTLP_URL is set, so traces of runs are to be sent."))
        except ConfigError as fault:
            yield str(fault)


def _idle(settings: Settings) -> str | None:
    if settings.web or settings.discord_token is not None or settings.telegram_token is not None:
        return None
    return _(
        "No platform is on. Set DISCORD_TOKEN, TELEGRAM_TOKEN or DARKROOM_WEB=on, in the environment or in a file .env "
        "in this folder. “darkroom settings” explains all settings."
    )


def _hint(settings: Settings) -> str | None:
    """Say so where no browser reaches the control room, as after a token was set."""
    if not settings.web or settings.web_token is None or any(each.startswith("web:") for each in settings.operators):
        return None
    return _(
        "The page has a token, and DARKROOM_OPERATORS names no browser, so no one reaches the control room there. To "
        "reach it, open /moderate on the page, and add the ID that it shows."
    )


async def _failed(trials: Iterable[Awaitable[None]]) -> AsyncIterator[str]:
    for trial in trials:
        try:
            await trial
        except ConfigError as fault:
            yield str(fault)
