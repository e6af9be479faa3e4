"""Settings of the page: its address, its limits, and what it shows."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bot.core.errors import ConfigError
from bot.core.guesses import Guesses
from bot.i18n import _
from bot.platforms.http_server import ConnectionLimits
from bot.platforms.web.auth import is_loopback
from bot.settings import Secret, Settings


@dataclass(frozen=True)
class PageConfig:
    """Of `ports` the first that is free is listened on. `pictures` are folders with a picture NAME.jpg beside a
    workflow, `note` is said at the top of the page, and `sample` is a picture to try it with. `metrics_token` lets
    programs in at `/metrics`, in the place of `token`. `proxy_header` is the one in which a proxy says for whom it
    asks, and `guesses` remembers wrong tokens. `patience` is how long, in seconds, the database may take to answer
    before `/readyz` says that it does not. `connections` bounds the number of connections, and how long each may take.
    `public_host` is the name at which links work.

    Raises `ConfigError` where others than this computer could reach it without a token.
    """

    host: str = "127.0.0.1"
    ports: Sequence[int] = (8420,)
    token: Secret | None = None
    metrics_token: Secret | None = None
    upload_bytes: int = 20_000_000
    pictures: Sequence[Path] = ()
    note: str = ""
    sample: Path | None = None
    proxy_header: str = ""
    guesses: Guesses = field(default_factory=Guesses)
    patience: float = 3.0
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
    public_host: str = ""

    @classmethod
    def of(cls, settings: Settings) -> PageConfig:
        """Return the page that the settings describe. Raises `ConfigError`."""
        return cls(
            settings.web_host,
            (settings.web_port,),
            settings.web_token,
            settings.metrics_token,
            int(settings.max_upload_mb * 1e6),
            [settings.workflows] if settings.workflows else [],
            proxy_header=settings.web_proxy_header,
            public_host=urlsplit(settings.public_url).netloc,
        )

    def __post_init__(self) -> None:
        if self.token is None and not is_loopback(self.host):
            words = _("DARKROOM_WEB_HOST: others could reach the page at {host}; set DARKROOM_WEB_TOKEN as well.")
            raise ConfigError(words.format(host=self.host))

    def cannot_listen(self, port: int, reason: str) -> ConfigError:
        words = _("The page cannot listen at {host}:{port}: {reason}. Set DARKROOM_WEB_PORT to another port.")
        if reason not in map(os.strerror, (errno.EADDRINUSE, errno.EACCES)):  # it is not about the port
            words = _("The page cannot listen at {host}:{port}: {reason}. Set DARKROOM_WEB_HOST to another address.")
        return ConfigError(words.format(host=self.host, port=port, reason=reason))
