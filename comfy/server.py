"""The settings for the connection to one ComfyUI server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from yarl import URL


@dataclass(frozen=True)
class PromptLimits:
    """Limits of one prompt, in seconds: for all of its execution, of which so many are `spent`, and without progress.
    Those that are None are the server's.
    """

    time: float | None = None
    stall: float | None = None
    spent: float = 0.0


@dataclass(frozen=True)
class Server:
    """The settings of one connection. Raises `ValueError` for an invalid URL.

    `url` may have a path (a reverse proxy's prefix); `https` makes the websocket `wss`. Where `headers` authorize
    us, a user and password in `url` are left out. Times are in seconds: `connect_timeout` and `answer_timeout`
    bound the wait for a connection and for the next bytes of an answer; `look_every` is how long events may be
    silent before the client looks over HTTP; `gone_after` is how long a server may be out of reach while one of its
    prompts is followed, and about how long a request that failed is repeated; `stall_limit`, where given, is how
    long a prompt may run without any progress before it counts as wedged, and `time_limit` how long it may run at
    all. `forgets` says that the server is our own: it deletes a prompt with its files as soon as we have the
    result. With `clears_history`, a prompt is removed from the history of the server once we have its result. A
    file of more than `largest_file` bytes is not downloaded. With `files_elsewhere`, `/view` may redirect to any
    public address; our headers are not sent there. `account_key` pays for nodes of partners, and is sent only with
    prompts that have some.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    verify_tls: bool = True
    connect_timeout: float = 10.0
    answer_timeout: float = 60.0
    look_every: float = 2.0
    gone_after: float = 10.0
    stall_limit: float | None = None
    time_limit: float | None = None
    forgets: bool = False
    clears_history: bool = False
    largest_file: int = 2_000_000_000
    files_elsewhere: bool = False
    account_key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        base = self.base
        if base.scheme not in ("http", "https") or not base.host:
            raise ValueError(f"{str(self)!r} is not a server's address: it should look like http://127.0.0.1:8188")

    @property
    def base(self) -> URL:
        url = URL(self.url.strip())
        if any(name.lower() == "authorization" for name in self.headers):
            url = url.with_user(None)  # aiohttp accepts only one of them
        return url.with_path(url.path.rstrip("/") or "/").with_query(None).with_fragment(None)

    @property
    def query(self) -> dict[str, str]:
        """The query of the address, such as a token. It is sent with every request."""
        return dict(URL(self.url.strip()).query)

    @property
    def websocket(self) -> URL:
        url = (self.base / "ws").with_scheme("wss" if self.base.scheme == "https" else "ws")
        return url.with_query(self.query)

    def __str__(self) -> str:
        """The address without user name and password."""
        return str(self.base.with_user(None))
