"""The platform as a process runs it, and all that it may hold of core: `Services` and the types that they speak."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from bot.core.background import BackgroundTask, TaskHealth, Work, aligned, until_set
from bot.core.drawing.service import MaskService
from bot.core.groups.service import GroupService
from bot.core.line.service import LineEntry, LineService
from bot.core.masks.links import MASK_PATH, MINUTES
from bot.core.media.contact_sheet import sheet_of
from bot.core.media.downscale import fit, lossless
from bot.core.media.files import FileService
from bot.core.media.films.making import look_at, missing, poster
from bot.core.media.films.playing import moves, to_play
from bot.core.media.films.source import Film
from bot.core.media.images import measure
from bot.core.media.retouch import read_crop, without_mask
from bot.core.media.signed_links import SHARED_PATH
from bot.core.model import Address, RunSummary
from bot.core.moderation.invitation_service import INVITED_PATH, InvitationLink, InvitationService
from bot.core.moderation.matrix import AccessMatrix, MatrixCell, MatrixRow
from bot.core.moderation.people import KnownPerson, PersonView
from bot.core.moderation.preview import Rehearsal
from bot.core.moderation.problems import WorkflowProblem
from bot.core.moderation.saved_workflows import SavedEntry, SavedOverview, SavedWorkflows
from bot.core.moderation.service import ModerationService, Overview, Row
from bot.core.moderation.statistics import Statistics
from bot.core.moderation.workflow_editor import WorkflowEditor, settings_from
from bot.core.people.invitations import Invitation, InvitationRole, SignedInDevice
from bot.core.people.service import LinkService
from bot.core.pings.wishes import PingWishes
from bot.core.policy.audit import DECISIONS, REFUSALS, AuditFilter, Entry
from bot.core.policy.buttons import Button, ButtonPress
from bot.core.policy.permissions import OPERATOR, RuleTarget
from bot.core.policy.rule_text import block_words, describe
from bot.core.policy.rules import (
    Access,
    Block,
    Budget,
    Limit,
    Measure,
    Narrowing,
    Review,
    Rule,
    RunPrice,
    Spending,
    TextList,
    Trial,
    WordList,
)
from bot.core.policy.scope import ADMINISTRATORS, EVERYONE, Scope, Subject, asked_in, community_of
from bot.core.port import Reply
from bot.core.presets.service import FilledForm, PresetService
from bot.core.readback.found import FoundSettings
from bot.core.readback.service import ReadbackService, ReadSettings
from bot.core.retry import Pauses, retry
from bot.core.run import ENDED, UNFINISHED, Outcome, RunRecord, State
from bot.core.runs.gallery.pages import GalleryFilter, PlacedRun
from bot.core.runs.gallery.service import UNDO, Archive, GalleryService, ids_of
from bot.core.runs.history.details import RunDetails
from bot.core.runs.history.erasing import ErasureService
from bot.core.runs.history.own_data import NAME as OWN_DATA_NAME
from bot.core.runs.history.own_data import OwnDataService, PackedData
from bot.core.runs.history.service import HistoryPage, HistoryService
from bot.core.runs.service import RunService
from bot.core.runs.workflow_service import WorkflowOffer, WorkflowService
from bot.core.several.matrix import eased
from bot.core.several.plan import asked_each, one_each
from bot.core.storage.key_value import KeyValueStore
from bot.core.storage.private import opener as private_opener
from bot.core.storage.temporary import work_folder
from bot.core.together import end_all, in_turns, together
from bot.core.traces.spans import note_arrival
from bot.core.watching.trouble import Trouble, Weight, database_trouble
from bot.core.wording.choosing import split_options
from bot.core.wording.model_names import ModelKind, ModelNames, read_names
from bot.core.wording.styles import Style
from bot.core.workflows.arguments import example, main_field, read_arguments
from bot.core.workflows.automatic.ratios import size_fields
from bot.core.workflows.field_kinds import kind_of_file
from bot.core.workflows.form import Field, FieldKind, Form
from bot.core.workflows.workflow import Workflow

if TYPE_CHECKING:
    from bot.core.control.events import LoggedEvent
    from bot.core.control.room import ControlRoom
    from bot.core.control.views import (
        FoundRuns,
        NowView,
        RunQuestion,
        SeenChat,
        SeenDisk,
        SeenRun,
        SeenServer,
        TurnInLine,
        WholeLine,
    )
    from bot.core.studio.changes import DraftChange, FieldChange
    from bot.core.studio.history import VersionLine
    from bot.core.studio.service import StudioOverview, StudioService
    from bot.core.studio.view import DraftView

__all__ = [
    "ADMINISTRATORS",
    "DECISIONS",
    "ENDED",
    "EVERYONE",
    "INVITED_PATH",
    "MASK_PATH",
    "MINUTES",
    "OPERATOR",
    "OWN_DATA_NAME",
    "REFUSALS",
    "SHARED_PATH",
    "UNDO",
    "UNFINISHED",
    "Access",
    "AccessMatrix",
    "Archive",
    "AuditFilter",
    "BackgroundTask",
    "Block",
    "Budget",
    "Button",
    "ButtonPress",
    "ControlRoom",
    "DraftChange",
    "DraftView",
    "Entry",
    "ErasureService",
    "Field",
    "FieldChange",
    "FieldKind",
    "FileService",
    "FilledForm",
    "Film",
    "Form",
    "FoundRuns",
    "FoundSettings",
    "GalleryFilter",
    "GalleryService",
    "GroupService",
    "Health",
    "HistoryPage",
    "HistoryService",
    "Invitation",
    "InvitationLink",
    "InvitationRole",
    "InvitationService",
    "KeyValueStore",
    "KnownPerson",
    "Limit",
    "LineEntry",
    "LoggedEvent",
    "MaskService",
    "MatrixCell",
    "MatrixRow",
    "Measure",
    "ModelKind",
    "ModelNames",
    "ModerationService",
    "Narrowing",
    "NowView",
    "Outcome",
    "Overview",
    "OwnDataService",
    "PackedData",
    "Pauses",
    "PersonView",
    "PlacedRun",
    "Platform",
    "PresetService",
    "ReadSettings",
    "ReadbackService",
    "Rehearsal",
    "Review",
    "Rooms",
    "Row",
    "Rule",
    "RuleTarget",
    "RunDetails",
    "RunPrice",
    "RunQuestion",
    "RunRecord",
    "RunService",
    "SavedEntry",
    "SavedOverview",
    "SavedWorkflows",
    "Scope",
    "SeenChat",
    "SeenDisk",
    "SeenRun",
    "SeenServer",
    "Services",
    "SignedInDevice",
    "Spending",
    "State",
    "Statistics",
    "StudioOverview",
    "StudioService",
    "Style",
    "Subject",
    "TaskHealth",
    "TextList",
    "Trial",
    "Trouble",
    "TurnInLine",
    "VersionLine",
    "Weight",
    "WholeLine",
    "WordList",
    "Work",
    "Workflow",
    "WorkflowEditor",
    "WorkflowOffer",
    "WorkflowProblem",
    "WorkflowService",
    "aligned",
    "asked_each",
    "asked_in",
    "block_words",
    "community_of",
    "database_trouble",
    "describe",
    "eased",
    "end_all",
    "example",
    "fit",
    "ids_of",
    "in_turns",
    "kind_of_file",
    "look_at",
    "lossless",
    "main_field",
    "measure",
    "missing",
    "moves",
    "note_arrival",
    "one_each",
    "poster",
    "private_opener",
    "read_arguments",
    "read_crop",
    "read_names",
    "retry",
    "settings_from",
    "sheet_of",
    "size_fields",
    "split_options",
    "to_play",
    "together",
    "until_set",
    "without_mask",
    "work_folder",
]


#: The types of rooms to which few people come, and the modules that have them.
_ROOMS = (
    "bot.core.control.events",
    "bot.core.control.room",
    "bot.core.control.views",
    "bot.core.studio.changes",
    "bot.core.studio.history",
    "bot.core.studio.service",
    "bot.core.studio.view",
)

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Load the rooms when one of their types is first asked for."""
        for module in map(import_module, _ROOMS if name in __all__ else ()):
            if name in vars(module):
                return vars(module)[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@dataclass(frozen=True)
class Health:
    """`servers` tells by name which servers can be reached, and `conditions` how each is in one word. `accepting` tells
    whether requests are taken, and `tasks` how the background tasks and the platforms are. `probe` raises
    `StorageFailed` if the database cannot be written, and `troubles` tells all else that is wrong; `own_troubles` what
    can be told without the database. `has_others` tells whether other processes work with servers.
    """

    servers: Callable[[], Mapping[str, bool]]
    conditions: Callable[[], Mapping[str, str]]
    accepting: Callable[[], bool]
    tasks: TaskHealth
    probe: Callable[[], Coroutine[Any, Any, None]]
    troubles: Callable[[], Coroutine[Any, Any, list[Trouble]]]
    own_troubles: Callable[[], list[Trouble]]
    has_others: Callable[[], bool]


@dataclass(frozen=True)
class Rooms:
    """The services for operators and authors alone."""

    control: ControlRoom
    studio: StudioService


@dataclass(frozen=True)
class Services:
    """All that a platform may hold: what a person may see or do is a question to one of these. `rooms` are loaded when
    they are first asked for.
    """

    runs: RunService
    history: HistoryService
    moderation: ModerationService
    workflows: WorkflowService
    files: FileService
    health: Health
    groups: GroupService
    presets: PresetService
    pings: PingWishes
    readback: ReadbackService
    line: LineService
    gallery: GalleryService
    links: LinkService
    data: OwnDataService
    erasure: ErasureService
    masks: MaskService
    invitations: InvitationService
    rooms: Callable[[], Rooms]

    @property
    def control(self) -> ControlRoom:
        return self.rooms().control

    @property
    def studio(self) -> StudioService:
        return self.rooms().studio


class Platform(Protocol):
    """A place that people chat at. Use it in `async with`: that opens what replies need, and sends nothing yet.

    `serve` is called once at a time, and again after it has failed: one that is away for a while stops no other.
    """

    @property
    def name(self) -> str: ...

    async def __aenter__(self) -> Platform: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    async def serve(self, services: Services) -> None:
        """Take requests until cancelled. A process that only works with servers never calls it."""

    def reply(self, address: Address, brief: RunSummary) -> Reply:
        """Rebuild a reply from data alone."""
