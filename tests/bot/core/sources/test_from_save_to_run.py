"""From “Save” in ComfyUI to a run: on one server and on several, for members and operators."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.errors import NotAllowed, UnknownWorkflow, UserError
from bot.core.model import Address, Person, Publish
from bot.core.policy.permissions import RuleTarget
from bot.core.run import RunRecord, State
from bot.core.workflows.workflow import Workflow
from bot.server_settings import NamedServer
from comfy.embedded import EmbeddedServer
from tests.bot.core.sources.saving import add_user, delete, save, saved_graph
from tests.bot.harness import ANN, HERE, House, house, until

OP = Person("test", "9", "Op")
ADDRESS = Address("test", "chat", "again")
OPERATORS = {"operators": ("test:9",)}


def named(home: House, title: str) -> Workflow | None:
    catalog = home.services.workflows.catalog
    return next((each for each in catalog.workflows.values() if each.title == title), None)


async def appears(home: House, title: str) -> Workflow:
    async def there() -> bool:
        return named(home, title) is not None

    await until(there)
    found = named(home, title)
    assert found is not None
    return found


async def goes(home: House, title: str) -> None:
    async def gone() -> bool:
        return named(home, title) is None

    await until(gone)


async def test_what_is_saved_at_a_server_on_this_machine_can_be_run_until_it_is_deleted(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        (server,) = home.servers
        await save(server.url, "My sheet.json", saved_graph(3))
        workflow = await appears(home, "My sheet")
        assert (workflow.name, workflow.trial) == ("my_sheet", False)
        assert workflow in home.services.workflows.allowed(ANN, HERE)
        (run,) = await home.ended((await home.ask(workflow.id))[0])
        assert run.state is State.DONE
        await delete(server.url, "My sheet.json")
        await goes(home, "My sheet")
        with pytest.raises(UnknownWorkflow):
            home.services.workflows.catalog.get(workflow.id)


@pytest.mark.long
async def test_elsewhere_members_see_nothing_before_an_operator_says_yes(tmp_path: Path) -> None:
    async with EmbeddedServer() as server:
        named_server = NamedServer("garage", server.url, publish=Publish.TRIAL)
        async with house(tmp_path, servers=[named_server], **OPERATORS) as home:
            saved = home.services.moderation.saved
            await save(server.url, "sheet.json", saved_graph())
            workflow = await appears(home, "sheet")
            assert workflow not in home.services.workflows.allowed(ANN, HERE)
            with pytest.raises(NotAllowed, match="waits for the operator"):
                await home.ask(workflow.id)
            (run,) = await home.ended((await home.ask(workflow.id, person=OP))[0])
            assert run.state is State.DONE
            (entry,) = (await saved.overview(OP, HERE)).entries
            assert entry.lines[1] == "Its nodes: EmptyImage, SaveImage."
            with pytest.raises(NotAllowed):
                await saved.answer(ANN, HERE, entry.id, entry.newest, yes=True)
            assert await saved.answer(OP, HERE, entry.id, entry.newest, yes=True) == "Opened “sheet” to others."
            with pytest.raises(UserError, match="already decided"):
                await saved.answer(OP, HERE, entry.id, entry.newest, yes=True)
            opened = await appears(home, "sheet")
            assert opened in home.services.workflows.allowed(ANN, HERE)
            assert opened.id == workflow.id

            await save(server.url, "sheet.json", saved_graph(filters=1))  # with another kind of node

            async def waits() -> bool:
                return (await appears(home, "sheet")).trial

            await until(waits)
            (entry,) = (await saved.overview(OP, HERE)).entries
            assert "does not have: ImageInvert." in entry.lines[1]
            with pytest.raises(UserError, match="saved again"):
                await saved.answer(OP, HERE, entry.id, "00000000", yes=True)
            told = await saved.answer(OP, HERE, entry.id, entry.newest, yes=False)
            assert "The version before it is open again" in told
            (run,) = await home.ended((await home.ask(workflow.id))[0])
            assert run.state is State.DONE
            assert len(await saved.versions(OP, HERE, "sheet")) == 2

            await saved.unpublish(OP, HERE, "sheet")
            await goes(home, "sheet")
            await saved.back(OP, HERE, "sheet", 1)
            assert not (await appears(home, "sheet")).trial
            acts = [each.act for each in await home.services.moderation.log(OP, HERE)]
            assert acts[:2] == ["workflow back", "workflow unpublish"]


@pytest.mark.long
async def test_again_runs_no_version_that_operators_keep_from_others(tmp_path: Path) -> None:
    async with EmbeddedServer() as server:
        named_server = NamedServer("garage", server.url, publish=Publish.TRIAL)
        async with house(tmp_path, servers=[named_server], **OPERATORS) as home:
            saved, runs, versions = home.services.moderation.saved, home.services.runs, home.services.workflows
            await save(server.url, "sheet.json", saved_graph())
            workflow = await appears(home, "sheet")
            tried, _shown = await home.ask(workflow.id, person=OP)
            await home.ended(tried)
            (entry,) = (await saved.overview(OP, HERE)).entries
            await saved.answer(OP, HERE, entry.id, entry.newest, yes=False)
            await goes(home, "sheet")
            with pytest.raises(NotAllowed, match="has closed it"):
                await runs.again(tried, ANN, HERE, {})

            await saved.publish(OP, HERE, "sheet")
            opened = await appears(home, "sheet")
            assert (await runs.again(tried, ANN, HERE, {})).version in ("", opened.version)
            mine, _shown = await home.ask(workflow.id)

            await save(server.url, "sheet.json", saved_graph(filters=1))  # with another kind of node

            async def waits() -> bool:
                return (await appears(home, "sheet")).trial

            await until(waits)
            tried, _shown = await home.ask(workflow.id, person=OP)
            await home.ended(tried)
            (entry,) = (await saved.overview(OP, HERE)).entries
            await saved.answer(OP, HERE, entry.id, entry.newest, yes=False)
            assert (await runs.again(tried, OP, HERE, {})).version == workflow_version(await runs.get(tried))
            again = await runs.again(tried, ANN, HERE, {})
            assert (await versions.pinned(again.workflow, again.version)).version == opened.version
            with pytest.raises(NotAllowed, match="waits for the operator"):
                await runs.submit(replace(again, version=workflow_version(await runs.get(tried))), ADDRESS)

            await home.ended(mine)
            await saved.unpublish(OP, HERE, "sheet")
            await goes(home, "sheet")
            with pytest.raises(NotAllowed, match="has closed it"):
                await runs.again(mine, ANN, HERE, {})


def workflow_version(run: RunRecord | None) -> str:
    assert run is not None
    return run.version


@pytest.mark.long
async def test_a_file_saved_under_the_name_of_an_allowed_workflow_inherits_nothing(tmp_path: Path) -> None:
    async with EmbeddedServer() as one, EmbeddedServer(multi_user=True) as two:
        ann, bob = [await add_user(two.url, name) for name in ("ann", "bob")]
        servers = [
            NamedServer("one", one.url, publish=Publish.OPEN),
            NamedServer("two", two.url, publish=Publish.TRIAL, users=("ann", "bob")),
        ]
        async with house(tmp_path, servers=servers, default_workflows="none", **OPERATORS) as home:
            await save(one.url, "sheet.json", saved_graph(1))
            first = await appears(home, "sheet")
            for number, user in enumerate((ann, bob), 2):
                await save(two.url, "sheet.json", saved_graph(number), user)
            mine = await appears(home, "sheet (ann, two)")
            theirs = await appears(home, "sheet (bob, two)")
            again = await appears(home, "sheet (one)")
            assert again.id == first.id
            assert len({first.id, mine.id, theirs.id}) == 3
            assert (again.trial, mine.trial, theirs.trial) == (False, True, True)
            assert again.name == "sheet"


@pytest.mark.long
async def test_operators_name_a_workflow_as_people_do_to_run_it(tmp_path: Path) -> None:
    async with house(tmp_path, **OPERATORS) as home:
        (server,) = home.servers
        saved = home.services.moderation.saved
        for number, name in enumerate(("Cat", "cat", "help")):
            await save(server.url, f"{name}.json", saved_graph(number))
        names = {title: (await appears(home, title)).name for title in ("Cat", "cat", "help")}
        assert sorted(names.values()) == ["cat", "cat_2", "help_2"]
        for title, name in names.items():
            assert f"Closed “{title}”" in await saved.unpublish(OP, HERE, name)
        for title, name in names.items():
            assert await saved.publish(OP, HERE, name.replace("_", "-")) == f"Opened “{title}” to others."
        assert len(await saved.versions(OP, HERE, "Help")) == 1
        with pytest.raises(UserError, match="No workflow “dog” is saved"):
            await saved.versions(OP, HERE, "dog")


@pytest.mark.long
async def test_what_is_deleted_and_saved_again_keeps_its_name_and_what_moderators_decided(tmp_path: Path) -> None:
    async with house(tmp_path, **OPERATORS) as home:
        (server,) = home.servers
        await save(server.url, "sheet.json", saved_graph())
        before = await appears(home, "sheet")
        await home.services.moderation.deny(OP, HERE, RuleTarget(workflow=before.id))
        for graph in (saved_graph(), saved_graph(5)):
            await delete(server.url, "sheet.json")
            await goes(home, "sheet")
            await save(server.url, "sheet.json", graph)
            again = await appears(home, "sheet")
            assert (again.id, again.name) == (before.id, "sheet")
            with pytest.raises(NotAllowed):
                await home.ask(again.id)


@pytest.mark.long
async def test_a_server_that_is_away_keeps_its_workflows_over_a_restart(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "engine")
    async with server:
        named_server = NamedServer("garage", server.url, publish=Publish.OPEN)
        async with house(tmp_path, servers=[named_server]) as home:
            await save(server.url, "sheet.json", saved_graph())
            before = await appears(home, "sheet")
    async with house(tmp_path, servers=[named_server]) as home:
        assert (await appears(home, "sheet")).id == before.id


@pytest.mark.long
async def test_a_server_that_the_settings_no_longer_name_is_not_listed(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path / "engine") as server:
        left, stays = (NamedServer(name, server.url, publish=Publish.OPEN) for name in ("left", "stays"))

        async def told(home: House, *servers: str) -> bool:
            words = tuple(f"{name}: worker darkroom looks after it, publish = open" for name in servers)
            return (await home.services.moderation.saved.overview(OP, HERE)).servers == words

        async with house(tmp_path, servers=[left, stays], **OPERATORS) as home:
            await until(lambda: told(home, "left", "stays"))
        async with house(tmp_path, servers=[stays], **OPERATORS) as home:
            await until(lambda: told(home, "stays"))


@pytest.mark.long
async def test_what_cannot_be_read_is_told_to_operators(tmp_path: Path) -> None:
    async with house(tmp_path, **OPERATORS) as home:
        (server,) = home.servers
        await save(server.url, "bad.json", b"{")
        saved = home.services.moderation.saved

        async def told() -> bool:
            return bool((await saved.overview(OP, HERE)).faults)

        await until(told)
        overview = await saved.overview(OP, HERE)
        assert overview.faults == ("one: bad.json: it is not JSON: line 1, column 2",)
        assert overview.servers == ("one: worker darkroom looks after it, publish = open",)
