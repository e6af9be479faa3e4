"""Each workflow has an id for ever and a name of its own: from any file names, through any changes."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.workflows.identity.identities import Identity, identified, offered
from bot.core.workflows.identity.slugs import LONGEST, RESERVED, slug_of
from bot.core.workflows.reader import SourceFile
from bot.core.workflows.source import Layer
from comfy.prompt import Prompt

DAY = 86_400.0


def file(path: str, layer: Layer = Layer.FOLDER, graph: str = "{}", source: str = "") -> SourceFile:
    prompt = Prompt({"1": {"class_type": graph, "inputs": {}}})
    return SourceFile.of(layer, path, f"{path}.json", prompt, source=source)


def names(known: dict[tuple[str, str], Identity]) -> list[tuple[str, str]]:
    return [(each.id, each.name) for each in known.values()]


@pytest.mark.parametrize(
    ("written", "slug"),
    [
        ("Flux Portrait (v2)", "flux_portrait_v2"),
        ("text-to-image", "text_to_image"),
        ("Größe", "grosse"),
        ("文生图", "wenshengtu"),
        ("Портрет", "portret"),
        ("  ", "workflow"),
        ("🎨", "art"),
        ("A very long name that no command of a chat could ever have", "a_very_long_name_that_no_command"),
        ("help", "help_2"),
    ],
)
def test_a_name_for_commands_comes_from_any_file_name(written: str, slug: str) -> None:
    ((_id, name),) = names(identified((), [file(written)], 0.0))
    assert name == slug


def test_a_workflow_keeps_its_id_and_name_when_its_content_changes() -> None:
    known = identified((), [file("portrait"), file("Portrait!")], 0.0)
    assert names(known) == [("portrait", "portrait"), ("portrait_2", "portrait_2")]
    again = identified(known.values(), [file("Portrait!", graph="new"), file("portrait")], DAY)
    assert {each.path: (each.id, each.name) for each in again.values()} == {
        "portrait": ("portrait", "portrait"),
        "Portrait!": ("portrait_2", "portrait_2"),
    }
    assert again["folder", "Portrait!"].version != known["folder", "Portrait!"].version


def test_the_name_of_one_that_is_gone_is_held_for_ninety_days_and_its_id_for_ever() -> None:
    gone = [replace(each, gone_at=DAY) for each in identified((), [file("cat", Layer.SAVED)], 0.0).values()]
    ((soon, name),) = names(identified(gone, [file("Cat")], 90 * DAY))
    assert (soon, name) == ("cat_2", "cat_2")
    ((late, name),) = names(identified(gone, [file("Cat")], 92 * DAY))
    assert (late, name) == ("cat_2", "cat")
    assert names(identified(gone, [file("cat", Layer.SAVED)], 200 * DAY)) == [("cat", "cat")]


def test_a_file_under_the_name_of_another_layers_takes_its_name_and_not_its_id() -> None:
    bundled = file("imagine", Layer.BUNDLED)
    known = list(identified((), [bundled], 0.0).values())
    saved = file("imagine", Layer.SAVED)
    assert offered([bundled, saved]) == (saved,)
    assert names(identified(known, [saved], DAY)) == [("imagine_2", "imagine")]
    own = file("imagine", Layer.FOLDER, "{ }")
    assert offered([bundled, saved, own]) == (own,)
    assert names(identified(known, [own], DAY)) == [("imagine", "imagine")]  # the operator's own version of it


def test_two_servers_with_one_name_are_two_workflows() -> None:
    both = [file("cat", Layer.SAVED, "a", "saved:one"), file("cat", Layer.SAVED, "b", "saved:two")]
    assert offered(both) == tuple(both)
    assert names(identified((), both, 0.0)) == [("cat", "cat"), ("cat_2", "cat_2")]


def test_what_earlier_versions_called_a_workflow_is_its_id_and_goes_to_no_later_file() -> None:
    earlier = [
        Identity(name, "", name, Layer.FOLDER, "", name, "", 0.0) for name in ("match-colors", "removed-long-ago")
    ]
    known = identified(earlier, [file("match-colors", Layer.BUNDLED)], DAY)
    assert names(known) == [("match-colors", "match_colors")]
    later = identified([*earlier[1:], *known.values()], [file("removed-long-ago", Layer.SAVED)], 99 * DAY)
    assert names(later) == [("removed_long_ago_2", "removed_long_ago")]


paths = st.text(st.sampled_from("aAbß猫-_ ./1"), min_size=1, max_size=6) | st.sampled_from(sorted(RESERVED))
files = st.builds(file, paths, st.sampled_from(Layer), st.sampled_from("xyz"))


@given(st.lists(st.tuples(st.floats(0, 100 * DAY), st.lists(files, max_size=8)), max_size=5))
@settings(max_examples=300)
@pytest.mark.long
def test_no_two_workflows_ever_share_an_id_or_at_one_time_a_name(steps: list[tuple[float, list[SourceFile]]]) -> None:
    everyone: dict[str, Identity] = {}
    now = 0.0
    for passed, there in steps:
        now += passed
        shown = offered(there)
        found = identified(everyone.values(), shown, now)
        assert set(found) == {each.place for each in shown}
        assert len({each.id for each in found.values()}) == len(found)
        assert len({each.name for each in found.values()}) == len(found)
        for place, each in found.items():
            assert re.fullmatch(rf"[a-z0-9_]{{1,{LONGEST}}}", each.name)
            assert each.name not in RESERVED
            before = next((one for one in everyone.values() if (one.source, one.path) == place), None)
            assert before is None or before.id == each.id
            holder = everyone.get(each.id)
            assert holder is None or (holder.source, holder.path) == place
        for one in everyone.values():
            if one.id not in {each.id for each in found.values()}:
                everyone[one.id] = replace(one, gone_at=now if one.gone_at is None else one.gone_at)
        everyone |= {each.id: each for each in found.values()}


def test_our_own_commands_are_never_the_name_of_a_workflow() -> None:
    assert all(slug_of(name) == name for name in RESERVED)
    assert not {each.name for each in identified((), [file(name) for name in RESERVED], 0.0).values()} & RESERVED
