"""Make the rooms of operators and authors. Few people come there, so they are loaded when the first one does."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from bot.base import Base, Policy
from bot.core.care.desk import ServerDesk
from bot.core.care.states import ServerStates
from bot.core.control.events import RecentEvents
from bot.core.control.room import ControlRoom
from bot.core.moderation.service import ModerationService
from bot.core.platform import Rooms
from bot.core.policy.permissions import OPERATOR
from bot.core.runs.eta import EtaEstimator
from bot.core.runs.oversight.finder import RunFinder
from bot.core.runs.oversight.order import LineOrder
from bot.core.runs.service import RunService
from bot.core.runs.validation import RequestValidator
from bot.core.sources.elsewhere import OtherFolders
from bot.core.sources.found import SavingServer
from bot.core.sources.library import TemplateLibrary
from bot.core.sources.store import SavedStore
from bot.core.studio.forgetting import AuthorTraces
from bot.core.studio.publishing import WorkflowShelf
from bot.core.studio.service import StudioService
from bot.core.studio.sources import DraftSources
from bot.core.watching.trouble import Trouble

_GLANCE = 3.5  # seconds that a worker has to answer the control room: a bit more than a server has to answer it


def furnish(
    base: Base,
    policy: Policy,
    validator: RequestValidator,
    moderation: ModerationService,
    runs: RunService,
    estimator: EtaEstimator,
    traces: AuthorTraces,
    recent: RecentEvents,
    troubles: Callable[[], Coroutine[Any, Any, Sequence[Trouble]]],
    libraries: Callable[[], Sequence[TemplateLibrary]],
    saving: Sequence[SavingServer],
) -> Rooms:
    """Make both rooms of a process. `troubles` tells all that is wrong, in all processes. At `saving` servers people
    save workflows.
    """
    settings, store, editor = base.settings, base.store, moderation.workflows
    control = ControlRoom(
        ServerDesk(ServerStates(store.database), store.records, f"{OPERATOR.key}:{OPERATOR.name}", _GLANCE),
        RunFinder(store.database),
        LineOrder(store.database),
        runs,
        estimator,
        moderation.problems,
        base.catalog,
        policy.permissions,
        policy.audit,
        base.tasks,
        troubles,
        settings.folder,
        recent,
    )
    studio = StudioService(
        traces.drafts,
        WorkflowShelf(editor, base.catalog, base.workflows, policy.rules, traces.authors),
        editor,
        base.catalog,
        base.versions,
        base.workflows,
        traces.authors,
        validator,
        policy.permissions,
        policy.audit,
        DraftSources(
            SavedStore(store.database),
            OtherFolders(base.fleet, saving, settings.saved_folder),
            libraries,
            policy.permissions,
        ),
        settings.allowed_nodes,
    )
    return Rooms(control, studio)
