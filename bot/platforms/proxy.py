"""The proxy over which a chat is reached: the same for all chats, by the settings that other programs know."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

_OWN_NETWORKS = (".localhost", ".local", ".internal", ".lan", ".home", ".intranet", ".corp")


def proxy_for(url: str, environ: Mapping[str, str] | None = None) -> str | None:
    """Return the proxy for an address, by `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`; None to go there directly, as to
    all addresses of this computer and of private networks.
    """
    given = {name.lower(): value.strip() for name, value in (os.environ if environ is None else environ).items()}
    parts = urlsplit(url)
    scheme, host = {"wss": "https", "ws": "http"}.get(parts.scheme, parts.scheme), parts.hostname or ""
    proxy = given.get(f"{scheme}_proxy", "")
    if not proxy or _is_near(host):
        return None
    direct = [each.strip().lower().lstrip("*").lstrip(".") for each in given.get("no_proxy", "").split(",")]
    if "*" in given.get("no_proxy", "").split(",") or any(each and f".{host}".endswith(f".{each}") for each in direct):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_near(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_OWN_NETWORKS)
    return address.is_private or address.is_loopback or address.is_link_local
