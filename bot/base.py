"""The parts of a process on which all others stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.core.background import TaskHealth
from bot.core.listeners import Listeners
from bot.core.platform import Platform
from bot.core.policy.audit import Audit
from bot.core.policy.enforcement import PolicyEnforcer
from bot.core.policy.permissions import Permissions
from bot.core.policy.rule_store import RuleStore
from bot.core.runs.eta import EtaEstimator
from bot.core.runs.locks import RunLocks
from bot.core.runs.replies import RunReplies
from bot.core.servers.condition import ServerConditions
from bot.core.servers.registry import ServerRegistry
from bot.core.workflows.identity.store import WorkflowStore
from bot.core.workflows.identity.versions import WorkflowVersions
from bot.core.workflows.live.live_catalog import LiveCatalog
from bot.settings import Role, Settings
from bot.stores import Stores
from comfy.fleet import Fleet


@dataclass(frozen=True)
class Policy:
    """The moderators' rules, and the parts that apply them."""

    rules: RuleStore
    audit: Audit
    enforcer: PolicyEnforcer
    permissions: Permissions


@dataclass(frozen=True)
class Base:
    """The parts on which all others stand. `offer_changed` tells that other workflows may be on offer, `wake` that this
    process's worker may have something to do, and `cancel` which run to stop.
    """

    settings: Settings
    role: Role
    tasks: TaskHealth
    platforms: Mapping[str, Platform]
    catalog: LiveCatalog
    store: Stores
    workflows: WorkflowStore
    versions: WorkflowVersions
    locks: RunLocks
    replies: RunReplies
    fleet: Fleet
    conditions: ServerConditions
    registry: ServerRegistry
    servers_changed: Listeners[[]]
    offer_changed: Listeners[[]] = field(default_factory=Listeners)
    wake: Listeners[[]] = field(default_factory=Listeners)
    cancel: Listeners[[str]] = field(default_factory=Listeners)


def start_estimator(base: Base) -> EtaEstimator:
    store = base.store
    return EtaEstimator(base.versions, store.queue, store.records, base.registry, store.accounts)
