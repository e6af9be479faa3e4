"""The web server: every route behind the gate, listening for as long as the platform serves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.core.platform import INVITED_PATH, MASK_PATH, SHARED_PATH, Services, note_arrival
from bot.i18n import _
from bot.platforms.http_server import listening
from bot.platforms.ports import obstacle, reason
from bot.platforms.web.admin.parts import ROOMS
from bot.platforms.web.api.events import streaming
from bot.platforms.web.api.gallery import GalleryRoutes
from bot.platforms.web.api.line import LineRoutes
from bot.platforms.web.api.links import LinkRoutes
from bot.platforms.web.api.masks import MaskRoutes
from bot.platforms.web.api.pages import PageRoutes
from bot.platforms.web.api.presets import PresetRoutes
from bot.platforms.web.api.runs import RunRoutes, explained
from bot.platforms.web.api.shared import shared
from bot.platforms.web.auth import AccessControl, protect, whose
from bot.platforms.web.config import PageConfig
from bot.platforms.web.health import HealthRoutes
from bot.platforms.web.invitations.routes import InvitationRoutes, greet
from bot.platforms.web.live.hub import Hub
from bot.platforms.web.rooms import LateRoutes
from bot.platforms.web.templates import STATIC

_PUBLIC = (SHARED_PATH, MASK_PATH, INVITED_PATH, "/static/", "/healthz", "/readyz", "/metrics")
_SHUTDOWN = 2.0  # seconds that answers under way have when it stops


@asynccontextmanager
async def serving(services: Services, hub: Hub, options: PageConfig) -> AsyncIterator[str]:
    """Serve the page until the context is left; its address. Raises `ConfigError` where no port is free."""
    page = application(services, hub, options)
    async with AsyncExitStack() as stack:
        opened = listening(page, options.host, options.ports, options.connections, _SHUTDOWN, hub.hang_up)
        try:
            port = await stack.enter_async_context(opened)
        except OSError as fault:
            raise options.cannot_listen(options.ports[-1], reason(fault)) from fault
        host = f"[{options.host}]" if ":" in options.host else options.host
        yield f"http://{host}:{port}"


async def try_to_listen(options: PageConfig) -> None:
    """Listen at the page's port for a moment. Raises `ConfigError` if that is not possible."""
    obstacles = [await obstacle(options.host, port) for port in options.ports]
    if obstacles and all(obstacles):
        raise options.cannot_listen(options.ports[-1], str(obstacles[-1]))


def application(services: Services, hub: Hub, options: PageConfig) -> web.Application:
    """The page and all that it asks for."""
    gate = AccessControl(
        options.token,
        options.proxy_header,
        options.guesses,
        options.public_host,
        lambda visitor: services.invitations.of(f"web:{visitor}") is not None,
    )
    app = web.Application(middlewares=[gate.middleware(), _members_only(gate, services), explained])
    app.on_response_prepare.append(protect)
    app.add_routes(PageRoutes(services, gate, options).routes())
    app.add_routes(RunRoutes(services, hub, options.upload_bytes).routes())
    app.add_routes(MaskRoutes(services, options.upload_bytes).routes())
    app.add_routes(PresetRoutes(services).routes())
    app.add_routes(LineRoutes(services, hub).routes())
    app.add_routes(GalleryRoutes(services, hub).routes())
    app.add_routes(LinkRoutes(services).routes())
    app.add_routes(InvitationRoutes(services, gate).routes())
    for room in _rooms(services, gate, options.upload_bytes):
        app.router.register_resource(room)
    for_programs = AccessControl(options.metrics_token or options.token, options.proxy_header, options.guesses)
    health = HealthRoutes(services, for_programs, options.patience)
    app.add_routes(health.routes())
    app.on_cleanup.append(health.close)
    app.add_routes([shared(services), web.get("/stream", streaming(services, hub)), static_files()])
    return app


def _rooms(services: Services, gate: AccessControl, upload_bytes: int) -> list[LateRoutes]:
    def now() -> list[web.RouteDef]:
        from bot.platforms.web.admin.now.routes import NowRoutes

        return NowRoutes(services, gate).routes()

    def places() -> list[web.RouteDef]:
        from bot.platforms.web.admin.places.routes import PlaceRoutes

        return PlaceRoutes(services, gate).routes()

    def studio() -> list[web.RouteDef]:
        from bot.platforms.web.studio.routes import StudioRoutes

        return StudioRoutes(services, gate, upload_bytes).routes()

    return [
        LateRoutes("/admin", "bot.platforms.web.admin.now.routes", now),
        LateRoutes("/moderate", "bot.platforms.web.admin.places.routes", places),
        LateRoutes("/studio", "bot.platforms.web.studio.routes", studio),
    ]


def static_files() -> web.RouteDef:
    """Serve the page's own files by their names. The file system is asked for no other name, however odd it is."""
    files = {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.is_file()}

    async def static(request: web.Request) -> web.StreamResponse:
        path = files.get(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound
        return web.FileResponse(path)

    return web.get("/static/{name:.*}", static)


def _members_only(gate: AccessControl, services: Services) -> Middleware:
    """All but the page, its login and the probes needs a visitor's cookie and, if there is one, the token or an
    invitation.
    """

    @web.middleware
    async def members_only(request: web.Request, handler: Handler) -> web.StreamResponse:
        note_arrival()
        greet(request, services.invitations)
        free = request.path in ("/", "/login") or request.path.startswith(_PUBLIC)
        if not free and (not whose(request) or not await gate.is_in(request)):
            if (room := request.path.removeprefix("/")) in ROOMS:  # the page asks for the token
                raise web.HTTPSeeOther(f"{'../' * room.count('/')}./?to={room}")
            raise web.HTTPUnauthorized(text=_("Please load the page first."))
        return await handler(request)

    return members_only
