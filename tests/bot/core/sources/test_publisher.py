"""From what people save to what is offered, on each database."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.core.errors import StorageAway
from bot.core.model import Publish
from bot.core.sources.found import SavedContent, SavedFault, SavedListing
from bot.core.sources.holdings import SavedAt, place_id
from bot.core.sources.publication import Publication, Stage, accepted, back_to, closed, declined
from bot.core.sources.publisher import Offered, SavedPublisher
from bot.core.sources.store import SavedStore
from bot.core.storage.database import Database
from comfy.object_info import ObjectInfo
from tests.bot.core.runs.counting import Clock

_NODE = {"input": {"required": {}}, "output": [], "output_node": True}
INFO = ObjectInfo(
    {
        "A": _NODE,
        "B": _NODE,
        "Pay": {**_NODE, "api_node": True},
        "Own": {**_NODE, "python_module": "custom_nodes.own"},
        "Wild": {**_NODE, "python_module": "custom_nodes.wild"},
    }
)


def graph(*classes: str, mark: int = 0) -> bytes:
    """A workflow with these nodes; `mark` makes it another one."""
    nodes = {str(number): {"class_type": each, "inputs": {"mark": mark}} for number, each in enumerate(classes)}
    return json.dumps(nodes).encode()


@dataclass
class Row:
    """A publisher with a shelf, and people who save at two servers."""

    store: SavedStore
    publish: dict[str, Publish] = field(default_factory=lambda: {"one": Publish.TRIAL, "two": Publish.TRIAL})
    files: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)
    shelf: list[Offered] = field(default_factory=list)
    fails: bool = False
    info: ObjectInfo = INFO

    def __post_init__(self) -> None:
        self._ids: dict[str, str] = {}
        self.open()

    def open(self) -> None:
        labels = {"one": "One", "two": "Two"}
        self.publisher = SavedPublisher(self.store, self, "garage", self.infos, labels, ["own"], self._id)

    def infos(self) -> Mapping[str, ObjectInfo]:
        return {"one": self.info, "two": self.info}

    def _id(self, at: SavedAt, number: int) -> str:
        """A short name for each id: w1, w2 …"""
        return self._ids.setdefault(place_id(at, number), f"w{len(self._ids) + 1}")

    async def offer(self, offered: Collection[Offered]) -> None:
        if self.fails:
            raise StorageAway("The shelf is away.")
        self.shelf = sorted(offered, key=lambda each: each.id)

    async def save(self, content: bytes, server: str = "one", user: str = "", path: str = "a.json") -> None:
        files = self.files.setdefault((server, user), {})
        files[path] = content
        await self._take(server, user, SavedContent(path, content))

    async def delete(self, server: str = "one", user: str = "", path: str = "a.json") -> None:
        del self.files[server, user][path]
        await self._take(server, user)

    async def restart(self) -> None:
        """Look at all files as a process does that has just started."""
        self.open()
        for (server, user), files in self.files.items():
            await self._take(server, user, *(SavedContent(path, content) for path, content in files.items()))

    async def decide(self, key: str, to: Callable[[Publication], Publication]) -> None:
        assert await self.store.decide((await self.store.state()).workflows[key], to) is not None

    async def _take(self, server: str, user: str, *changed: SavedContent) -> None:
        listing = SavedListing(server, user, frozenset(self.files[server, user]), changed)
        await self.publisher.take(listing, self.publish[server])

    @property
    def told(self) -> list[tuple[str, str, bool]]:
        return [(each.id, each.title, each.trial) for each in self.shelf]

    async def faults(self) -> dict[str, str]:
        return {at.path: fault for at, fault in (await self.store.state()).faults.items()}


@pytest.fixture
def row(database: Database, clock: Clock) -> Row:
    return Row(SavedStore(database, clock))


async def test_what_is_saved_is_on_trial_and_open_after_a_yes(row: Row) -> None:
    await row.save(graph("A"))
    assert row.told == [("w1", "a", True)]
    await row.decide("w1", accepted)
    await row.publisher.offer()
    assert row.told == [("w1", "a", False)]
    before = row.shelf[0].digest
    await row.save(graph("A", mark=1))
    assert row.told == [("w1", "a", False)]
    assert row.shelf[0].digest != before
    assert await row.store.content("w1", row.shelf[0].digest) == graph("A", mark=1)


async def test_an_edit_with_other_nodes_is_on_trial_again_and_a_no_brings_the_earlier_one_back(row: Row) -> None:
    await row.save(graph("A"))
    await row.decide("w1", accepted)
    await row.save(graph("A", "Pay"))
    assert row.told == [("w1", "a", True)]
    (workflow,) = (await row.store.state()).workflows.values()
    assert workflow.approved is not None
    assert workflow.approved.classes == {"A"}
    newest, _first = await row.store.versions("w1")
    assert newest.needs.paid == {"Pay"}
    await row.decide("w1", declined)
    await row.publisher.offer()
    assert row.told == [("w1", "a", False)]
    assert await row.store.content("w1", row.shelf[0].digest) == graph("A")


async def test_where_everybody_may_publish_it_is_open_at_once_and_gone_when_it_is_deleted(row: Row) -> None:
    row.publish["one"] = Publish.OPEN
    await row.save(graph("A", "Own"))
    await row.save(graph("B"), path="b.json")
    assert row.told == [("w1", "a", False), ("w2", "b", False)]
    await row.delete()
    assert row.told == [("w2", "b", False)]
    assert await row.store.versions("w1") == []
    await row.save(graph("A", "Own"))
    assert sorted(row.told) == [("w1", "a", False), ("w2", "b", False)]
    assert [each.number for each in await row.store.versions("w1")] == [1]


async def test_what_was_open_is_on_trial_again_after_it_was_deleted(row: Row) -> None:
    await row.save(graph("A"))
    await row.decide("w1", accepted)
    await row.delete()
    await row.save(graph("A"))
    assert row.told == [("w1", "a", True)]


async def test_equal_content_is_one_workflow_and_other_content_one_each_named_by_server(row: Row) -> None:
    await row.save(graph("A"))
    await row.save(graph("A"), "two")
    assert row.told == [("w1", "a", True)]
    await row.decide("w1", accepted)
    await row.save(graph("A", mark=1), "two")
    assert row.told == [("w1", "a (One)", False), ("w2", "a (Two)", True)]
    await row.save(graph("A", mark=1))
    assert row.told == [("w2", "a", True)]
    await row.delete()
    await row.delete("two")
    assert row.told == []


async def test_a_file_that_stays_behind_is_a_workflow_of_its_own_with_what_it_has(row: Row) -> None:
    await row.save(graph("A"))
    await row.save(graph("A"), "two")
    await row.save(graph("B"))
    assert row.told == [("w1", "a (One)", True), ("w2", "a (Two)", True)]
    assert await row.store.content("w2", row.shelf[1].digest) == graph("A")


async def test_one_server_that_lets_everybody_publish_opens_what_another_has_on_trial(row: Row) -> None:
    row.publish["two"] = Publish.OPEN
    await row.save(graph("A"))
    assert row.told == [("w1", "a", True)]
    await row.save(graph("A"), "two")
    assert row.told == [("w1", "a", False)]


async def test_what_cannot_be_used_is_told_and_an_earlier_version_stays(row: Row) -> None:
    await row.save(b"{", path="bad.json")
    row.publisher._allowed = []
    await row.save(graph("Own"), path="own.json")
    await row.save(graph("A"))
    await row.save(b"")
    assert row.told == [("w3", "a", True)]
    faults = await row.faults()
    assert faults["bad.json"] == "it is not JSON: line 1, column 2"
    assert "has not allowed these packs of nodes: own" in faults["own.json"]
    assert faults["a.json"] == "it is not JSON: line 1, column 1"
    await row.save(graph("B"), path="bad.json")
    row.publisher._allowed = ["own"]
    await row.restart()
    assert set(await row.faults()) == {"a.json"}
    assert [title for _id, title, _trial in row.told] == ["bad", "own", "a"]


async def test_a_fault_is_logged_once(row: Row, caplog: pytest.LogCaptureFixture) -> None:
    await row.save(b"{", path="bad.json")
    await row.save(graph("A"))
    faulty = [each for each in caplog.records if each.message == "workflow_faulty"]
    assert [each.__dict__["file"] for each in faulty] == ["one: bad.json"]
    await row.restart()
    assert len([each for each in caplog.records if each.message == "workflow_faulty"]) == 2


class Watched(ObjectInfo):
    """Definitions that know which nodes they were asked about."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        self.asked: set[str] = set()

    def is_paid(self, class_type: str) -> bool:
        self.asked.add(class_type)
        return super().is_paid(class_type)


async def test_at_a_restart_only_what_is_new_or_faulty_is_examined(row: Row) -> None:
    row.info = info = Watched(INFO.data)
    await row.save(graph("A"))
    await row.save(graph("Wild"), path="wild.json")
    assert info.asked == {"A", "Wild"}
    info.asked.clear()
    row.files["one", ""]["new.json"] = graph("B")
    await row.restart()
    assert info.asked == {"B", "Wild"}
    assert [title for _id, title, _trial in row.told] == ["a", "new"]


async def test_a_restart_changes_nothing(row: Row) -> None:
    for number, content in enumerate((graph("A"), graph("B"), graph("A", "B"))):
        await row.save(content, path=f"{number}.json")
    await row.decide("w1", accepted)
    await row.decide("w2", closed)
    await row.save(graph("A", mark=1), path="0.json")
    first = (await row.store.versions("w1"))[-1]
    await row.decide("w1", lambda before: back_to(before, first.digest))
    before = await row.store.state()
    await row.restart()
    after = await row.store.state()
    assert (after.workflows, after.holdings) == (before.workflows, before.holdings)
    assert row.told == [("w1", "0", False), ("w3", "2", True)]
    assert row.shelf[0].digest == first.digest


async def test_a_setting_that_is_changed_counts_from_the_next_start_on(row: Row) -> None:
    await row.save(graph("A"))
    row.publish["one"] = Publish.OPEN
    await row.restart()
    assert row.told == [("w1", "a", False)]
    row.publish["one"] = Publish.TRIAL
    await row.restart()
    assert row.told == [("w1", "a", False)]


async def test_of_users_that_count_no_longer_nothing_is_offered(row: Row) -> None:
    await row.save(graph("A"), user="ann")
    await row.save(graph("B"), user="bob")
    await row.publisher.looked("one", ("bob",), [])
    assert row.told == [("w2", "a", True)]
    await row.publisher.looked("one", None, [SavedFault("", "it refuses")])
    assert row.told == [("w2", "a", True)]
    (server,) = (await row.store.state()).servers.values()
    assert (server.worker, server.faults) == ("garage", (("", "it refuses"),))
    await row.publisher.looked("one", (), [])
    assert row.told == []


async def test_what_the_shelf_missed_it_is_told_later(row: Row) -> None:
    row.fails = True
    with pytest.raises(StorageAway):
        await row.save(graph("A"))
    row.fails = False
    await row.restart()
    assert row.told == [("w1", "a", True)]


@pytest.mark.long
async def test_of_many_versions_the_last_ones_and_the_offered_one_are_kept(row: Row) -> None:
    await row.save(graph("A"))
    await row.decide("w1", accepted)
    for mark in range(60):
        await row.save(graph("A", "B", mark=mark))
    versions = await row.store.versions("w1")
    assert [each.number for each in versions] == [*range(61, 11, -1), 1]
    assert versions[0].where == SavedAt("one", "", "a.json")
    (workflow,) = (await row.store.state()).workflows.values()
    assert (workflow.publication.stage, workflow.publication.approved) == (Stage.TRIAL, versions[-1].digest)


async def test_who_was_asked_is_kept_until_another_version_comes(row: Row) -> None:
    await row.save(graph("A"))
    newest = (await row.store.state()).workflows["w1"].publication.newest
    for operator in ("discord:1", "telegram:2", "discord:1"):
        await row.store.note_asked("w1", newest, operator)
    await row.store.note_asked("w1", "another", "discord:3")
    assert (await row.store.state()).workflows["w1"].asked == ("discord:1", "telegram:2")
    await row.save(graph("A", mark=1))
    assert (await row.store.state()).workflows["w1"].asked == ()


async def test_what_an_operator_closed_is_closed_when_it_is_deleted_and_saved_again(row: Row) -> None:
    row.publish["one"] = Publish.OPEN
    await row.save(graph("A"))
    await row.decide("w1", closed)
    await row.delete()
    state = await row.store.state()
    assert (list(state.workflows), state.present) == (["w1"], {})
    assert await row.store.decide(state.workflows["w1"], accepted) is None
    for content in (graph("A"), graph("B")):
        await row.save(content)
        assert row.told == []
    await row.decide("w1", accepted)
    await row.publisher.offer()
    assert row.told == [("w1", "a", False)]


async def test_of_a_version_that_came_meanwhile_nothing_is_decided(row: Row) -> None:
    await row.save(graph("A"))
    (seen,) = (await row.store.state()).workflows.values()
    await row.save(graph("A", "Pay"))
    assert await row.store.decide(seen, accepted) is None
    await row.publisher.offer()
    assert row.told == [("w1", "a", True)]


async def test_what_is_gone_cannot_be_decided(row: Row) -> None:
    await row.save(graph("A"))
    (seen,) = (await row.store.state()).workflows.values()
    await row.delete()
    assert await row.store.decide(seen, accepted) is None


async def test_a_fault_with_a_letter_that_no_database_takes_stops_nothing(row: Row) -> None:
    row.publish["one"] = Publish.OPEN
    odd = {"1": {"class_type": "A", "inputs": {"in": ["a\0b", 0]}}}
    await row.save(json.dumps(odd).encode(), path="odd.json")
    await row.save(graph("A"))
    assert [title for _id, title, _trial in row.told] == ["a"]
    assert "does not exist" in (await row.faults())["odd.json"]


async def test_a_node_with_a_letter_in_its_name_that_no_database_takes_stops_nothing(row: Row) -> None:
    row.publish["one"] = Publish.OPEN
    await row.save(graph("A\0B"), path="odd.json")
    await row.save(graph("A"))
    assert [title for _id, title, _trial in row.told] == ["odd", "a"]
    assert (await row.store.newest())["w1"].needs.classes == {"A\0B"}


async def test_the_newest_version_of_each_workflow_is_told(row: Row) -> None:
    for content in (graph("A"), graph("B"), graph("A")):
        await row.save(content)
    await row.save(graph("B"), path="b.json")
    newest = await row.store.newest()
    assert {key: (each.number, each.needs.classes) for key, each in newest.items()} == {
        "w1": (3, frozenset({"A"})),
        "w2": (1, frozenset({"B"})),
    }
