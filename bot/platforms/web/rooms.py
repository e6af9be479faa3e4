"""Routes of rooms to which few people come: they are loaded when somebody first asks for one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any

from aiohttp import web
from aiohttp.web_urldispatcher import AbstractRoute, UrlMappingMatchInfo
from yarl import URL


class LateRoutes(web.AbstractResource):
    """A path, and all routes at it and below it."""

    def __init__(self, path: str, module: str, routes: Callable[[], Iterable[web.RouteDef]]) -> None:
        """`routes` makes them when `module` has been imported."""
        super().__init__()
        self._path, self._module, self._make = path, module, routes
        self._router: web.UrlDispatcher | None = None

    @property
    def canonical(self) -> str:
        return self._path

    async def resolve(self, request: web.Request) -> tuple[UrlMappingMatchInfo | None, set[str]]:
        allowed: set[str] = set()
        for resource in (await self._opened()).resources():
            found, methods = await resource.resolve(request)
            if found is not None:
                return found, methods
            allowed |= methods
        return None, allowed

    async def _opened(self) -> web.UrlDispatcher:
        if self._router is None:
            await asyncio.to_thread(import_module, self._module)  # requests of others go on meanwhile
        if self._router is None:
            self._router = web.UrlDispatcher()
            self._router.add_routes(self._make())
        return self._router

    def raw_match(self, path: str) -> bool:
        return path == self._path or path.startswith(f"{self._path}/")

    def get_info(self) -> Any:
        return {"path": self._path}

    def url_for(self, **_kwargs: str) -> URL:
        return URL(self._path)

    def add_prefix(self, prefix: str) -> None:
        self._path = prefix + self._path

    def __len__(self) -> int:
        return len(self._router.routes()) if self._router is not None else 0

    def __iter__(self) -> Iterator[AbstractRoute]:
        return iter(self._router.routes() if self._router is not None else ())
