"""Libraries that only some houses need. They are extras of the package, and what needs one that is missing says so."""

from __future__ import annotations

from importlib.util import find_spec

from bot.core.errors import ConfigError
from bot.i18n import _

#: The extras, and the module by which each is known to be installed.
EXTRAS = {"engine": "numpy", "media": "av", "s3": "obstore", "otel": "opentelemetry"}


def has(extra: str) -> bool:
    return find_spec(EXTRAS[extra]) is not None


def need(extra: str, why: str) -> None:
    """Raise `ConfigError` if an extra is not installed. `why` is the sentence about what needs it."""
    if not has(extra):
        words = _("{why} That takes the extra “{extra}”, which is not installed: type pip install 'darkroom[{extra}]'")
        raise ConfigError(words.format(why=why, extra=extra))


def need_engine(why: str = _("No ComfyUI server is named, so the built-in engine is to run the workflows.")) -> None:
    need("engine", why)
