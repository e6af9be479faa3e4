"""The bench: one run at a time on one server, kept nowhere. The terminal works at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.core.errors import UserError
from bot.core.execution.steps import Execution, execute
from bot.core.media.images import PictureLimits
from bot.core.model import RunRequest, Status
from bot.core.port import Reply
from bot.core.runs.prices import declared_price
from bot.core.runs.validation import RequestValidator, ValidatedRequest
from bot.core.status_text import cost
from bot.core.wording.loras import LoraTags
from bot.core.wording.texts import worded
from bot.core.workflows.catalog import Catalog, NewestVersions
from bot.core.workflows.verdict_text import left_out, missing_models, missing_nodes
from bot.core.workflows.workflow import LORAS, Workflow
from bot.i18n import _
from comfy.client import ComfyClient
from comfy.models.loras import write_loras
from comfy.object_info import ObjectInfo
from comfy.prices import paid_nodes
from comfy.saved.needs import ModelLink, NodeLink


class OneShotRunner(RequestValidator):
    """Checks requests for one server, and has them developed there and then."""

    def __init__(
        self, catalog: Catalog, client: ComfyClient, limits: PictureLimits, *, keep_metadata: bool = False
    ) -> None:
        super().__init__(NewestVersions(catalog), self._info, limits)
        self._client, self._keep_metadata = client, keep_metadata

    async def verdict(self) -> str:
        """Describe the server in a few words."""
        stats = await self._client.system_stats()
        info = await self._client.object_info()
        return _("ComfyUI {version}, {count} kinds of node").format(version=stats.comfyui_version, count=len(info))

    async def mistakes(self) -> list[str]:
        """Return in words the mistakes in sidecars that only a server's nodes show."""
        info = await self._client.object_info()
        words = _("{workflow}.toml, {field}: the file cannot be left out, since “{input}” of “{title}” needs it")
        return [
            words.format(workflow=each.name, field=field.name, input=needed.input, title=needed.node.title)
            for each in self.catalog.workflows.values()
            for field, needed in each.needed_files(info)
        ]

    async def definitions(self) -> Mapping[str, Any]:
        """Return the server's answer of `/object_info`."""
        return (await self._client.object_info()).data

    async def take(self, request: RunRequest, folder: Path) -> ValidatedRequest:
        """Check a request, make the choices in its texts, and put the files that it will need into `folder`. Lists and
        styles belong to places, so there are none. Raises `UserError`.
        """
        checked = await self.check(request, folder)
        files = self.loras(checked.workflow)
        tags = LoraTags(files) if files else None
        form = await self.form(checked.workflow)
        values = dict(worded(form, checked.values, {}, checked.seed or str(checked.id), loras=tags).values)
        if tags is not None and tags.found:
            values[LORAS] = write_loras(tags.found)
        return replace(checked, values=values)

    async def missing_models(self) -> Mapping[ModelLink, list[str]]:
        """Return the models that the server lacks and that workflows say something of, each with these workflows."""
        info, found = await self._client.object_info(), dict[ModelLink, list[str]]()
        for workflow in self.catalog.workflows.values():
            for link in missing_models(workflow, info):
                found.setdefault(link, []).append(workflow.name)
        return found

    async def missing_nodes(self) -> Mapping[NodeLink, list[str]]:
        """Return the nodes that the server lacks, each with the workflows that need it."""
        info, found = await self._client.object_info(), dict[NodeLink, list[str]]()
        for workflow in self.catalog.workflows.values():
            for link in missing_nodes(workflow, info):
                found.setdefault(link, []).append(workflow.name)
        return found

    async def install_pack(self, pack: str, patience: float = 900.0) -> str:
        """Have ComfyUI-Manager at the server install a pack that a workflow lacks. Returns what it says in the end.
        Raises `UserError` and `ComfyError`.
        """
        if pack not in {link.pack for link in await self.missing_nodes()}:
            words = _("No workflow lacks the pack “{pack}” there: “darkroom models” lists those.")
            raise UserError(words.format(pack=pack))
        if "/" in pack:
            words = _("{pack} is a repository, and not in the registry: install it at the server.")
            raise UserError(words.format(pack=pack))
        if not await self._client.has_manager():
            words = _("The server has no ComfyUI-Manager that takes tasks (--enable-manager): install the pack there.")
            raise UserError(words)
        made = await self._client.install_pack(pack, patience)
        if made is None:
            words = _("{pack} is not installed yet: look at ComfyUI-Manager, which goes on.")
            raise UserError(words.format(pack=pack))
        if not made.went_well:
            words = _("ComfyUI-Manager has not installed {pack}: {reason}. Its security level may forbid it.")
            raise UserError(words.format(pack=pack, reason=made.words))
        return _("ComfyUI-Manager says that {pack} is installed. Restart ComfyUI to use it.").format(pack=pack)

    async def left_out(self, workflow: Workflow) -> str:
        """Say why the server runs only a part of a workflow; empty if it runs all of it, or nothing."""
        return left_out(workflow, await self._client.object_info())

    async def lacks_key(self, workflow: Workflow) -> bool:
        """True if a workflow costs money and nothing can pay for it at this server."""
        return not self._client.server.account_key and await self.costs(workflow)

    async def costs(self, workflow: Workflow) -> bool:
        """True if a workflow costs money."""
        return bool(paid_nodes(workflow.prompt, await self._client.object_info()))

    async def price(self, run: ValidatedRequest) -> str | None:
        """Say what a run costs; None if it costs no money."""
        info = await self._client.object_info()
        names = {name: file.filename for name, file in run.media.items()}
        prompt = run.workflow.fill({**run.values, **names}, info)
        if not paid_nodes(prompt, info):
            return None
        price = await declared_price([(prompt, info)])
        return cost(price) if price is not None else _("its nodes do not say")

    async def develop(self, run: ValidatedRequest, reply: Reply, folder: Path) -> Status:
        """Run it to its end, and deliver what comes out; `folder` keeps the files meanwhile."""
        keep, limits = self._keep_metadata, reply.limits
        execution = Execution(
            self._client, run, folder, keep_metadata=keep, previews=limits.previews, pace=limits.interval
        )
        return await execute(execution, reply)

    async def _info(self) -> dict[str, ObjectInfo]:
        return {str(self._client.server): await self._client.object_info()}
