"""Which saved file is which workflow, over whatever people save, change and delete at several servers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.sources.holdings import Holding, SavedAt, leaders, place_id, renewed, titles


class Story:
    """Files at servers, as one listing after another tells of them."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], dict[str, str]] = {}
        self.holdings: list[Holding] = []
        self._ids: dict[str, str] = {}

    def save(self, server: str, content: str, path: str = "a.json", user: str = "") -> None:
        files = self.files.setdefault((server, user), {})
        changed = {path: content} if files.get(path) != content else {}
        files[path] = content
        self._list(server, user, changed)

    def delete(self, server: str, path: str = "a.json", user: str = "") -> None:
        self.files.setdefault((server, user), {}).pop(path, None)
        self._list(server, user, {})

    def _list(self, server: str, user: str, changed: dict[str, str]) -> None:
        paths = frozenset(self.files[server, user])
        self.holdings = renewed(self.holdings, server, user, paths, changed, self._id)

    def _id(self, at: SavedAt, number: int) -> str:
        """A short name for each id: w1, w2 …"""
        return self._ids.setdefault(place_id(at, number), f"w{len(self._ids) + 1}")

    @property
    def told(self) -> dict[str, str]:
        """Each file's workflow, by server."""
        return {each.at.server + each.at.user: each.workflow for each in self.holdings}

    @property
    def titles(self) -> dict[str, str]:
        return titles(leaders(self.holdings), {"one": "One"})


def test_equal_content_is_one_workflow_and_other_content_one_of_its_own_named_by_server() -> None:
    story = Story()
    story.save("one", "x")
    story.save("two", "x")
    assert (story.told, story.titles) == ({"one": "w1", "two": "w1"}, {"w1": "a"})
    story.save("two", "y")
    assert (story.told, story.titles) == ({"one": "w1", "two": "w2"}, {"w1": "a (One)", "w2": "a (two)"})
    story.save("two", "x")
    assert (story.told, story.titles) == ({"one": "w1", "two": "w1"}, {"w1": "a"})


def test_a_workflow_follows_the_file_that_had_it_first() -> None:
    story = Story()
    story.save("one", "x")
    story.save("two", "x")
    story.save("one", "y")
    assert story.told == {"one": "w1", "two": "w2"}
    story.save("two", "y")
    assert story.told == {"one": "w1", "two": "w1"}


def test_when_the_first_file_is_deleted_the_workflow_stays_with_the_others() -> None:
    story = Story()
    story.save("one", "x")
    story.save("two", "x")
    story.delete("one")
    assert story.told == {"two": "w1"}
    story.save("two", "y")
    assert story.told == {"two": "w1"}
    story.save("one", "z")
    assert story.told == {"two": "w1", "one": "w2"}


def test_what_is_deleted_and_saved_again_is_the_same_workflow_unless_another_file_has_it_now() -> None:
    story = Story()
    story.save("one", "x")
    story.delete("one")
    story.save("one", "y")
    assert story.told == {"one": "w1"}
    story.save("two", "y")
    story.delete("one")
    story.save("one", "z")
    assert story.told == {"two": "w1", "one": "w2"}
    story.save("one", "z", user="ann")
    assert story.told["oneann"] == "w2"


def test_users_of_one_server_are_told_apart_by_their_names() -> None:
    story = Story()
    story.save("one", "x", user="ann")
    story.save("one", "y", user="bob")
    assert story.titles == {"w1": "a (ann)", "w2": "a (bob)"}
    story.save("two", "z")
    assert story.titles == {"w1": "a (ann, One)", "w2": "a (bob, One)", "w3": "a (two)"}


def test_other_paths_are_other_workflows_even_with_the_same_content() -> None:
    story = Story()
    story.save("one", "x")
    story.save("one", "x", "b.json")
    story.save("two", "x", "deep/a.app.json")
    assert story.told == {"one": "w2", "two": "w3"}
    assert story.titles == {"w1": "a", "w2": "b", "w3": "a"}


def test_the_name_is_the_files_without_its_ending() -> None:
    names = {path: SavedAt("one", "", path).stem for path in ("a.json", "d/My cat.App.JSON", "b.c.json", ".json")}
    assert names == {"a.json": "a", "d/My cat.App.JSON": "My cat", "b.c.json": "b.c", ".json": ".json"}


def test_a_title_is_one_line_and_turns_no_letters_around() -> None:
    story = Story()
    story.save("one", "x", "A\nwas opened by\u202eeB\u2066\x07.json")
    assert story.titles == {"w1": "A was opened byeB"}


_servers, _paths, _contents = st.sampled_from("12"), st.sampled_from(["a.json", "b.json"]), st.sampled_from("xyz")
_steps = st.lists(st.tuples(_servers, _paths, st.none() | _contents, st.sampled_from(["", "u"])), max_size=20)


@given(_steps)
@pytest.mark.long
def test_after_any_story_equal_files_are_one_workflow_and_no_workflow_has_two_contents(
    steps: list[tuple[str, str, str | None, str]],
) -> None:
    story = Story()
    for server, path, content, user in steps:
        if content is None:
            story.delete(server, path, user)
        else:
            story.save(server, content, path, user)
    held = {(each.at.server, each.at.user, each.at.path): each.digest for each in story.holdings}
    assert held == {(*where, path): body for where, files in story.files.items() for path, body in files.items()}
    by_workflow = {each.workflow: (each.at.path, each.digest) for each in story.holdings}
    assert all(by_workflow[each.workflow] == (each.at.path, each.digest) for each in story.holdings)
    assert len(set(by_workflow.values())) == len(by_workflow)
    assert len({each.since for each in story.holdings}) == len(story.holdings)
