"""Who sees a version that was saved, and when operators are asked."""

from __future__ import annotations

from bot.core.model import Publish
from bot.core.sources.needs import WorkflowNeeds
from bot.core.sources.publication import Publication, Refusal, Stage, accepted, back_to, closed, declined, judged


def needs(*classes: str, paid: frozenset[str] = frozenset(), pack: str = "") -> WorkflowNeeds:
    return WorkflowNeeds(frozenset(classes), paid, {pack: classes} if pack else {}, {}, ())


PLAIN = needs("Load", "Save")
OPENED = Publication(Stage.OPEN, "one", "one", "one")


def test_where_everybody_may_publish_each_version_is_open_whatever_it_has() -> None:
    wild = needs("Wild", pack="Wild-Pack")
    assert judged(Publish.OPEN, None, "one", wild, None, []) == OPENED
    assert judged(Publish.OPEN, OPENED, "two", wild, PLAIN, []) == Publication(Stage.OPEN, "two", "two", "two")


def test_where_operators_are_asked_the_first_version_is_on_trial_until_one_says_yes() -> None:
    first = judged(Publish.TRIAL, None, "one", PLAIN, None, [])
    assert first == Publication(Stage.TRIAL, "one", "one")
    assert isinstance(first, Publication)
    assert accepted(first) == OPENED
    assert declined(first) == Publication(Stage.CLOSED, "one")
    edited = judged(Publish.TRIAL, first, "two", PLAIN, None, [])
    assert edited == Publication(Stage.TRIAL, "two", "two")


def test_an_edit_is_open_at_once_unless_it_adds_nodes() -> None:
    fewer = judged(Publish.TRIAL, OPENED, "two", needs("Save"), PLAIN, [])
    assert fewer == Publication(Stage.OPEN, "two", "two", "two")
    more = judged(Publish.TRIAL, OPENED, "two", needs("Load", "Save", "Buy", paid=frozenset({"Buy"})), PLAIN, [])
    assert more == Publication(Stage.TRIAL, "two", "two", "one")
    assert isinstance(more, Publication)
    assert accepted(more) == Publication(Stage.OPEN, "two", "two", "two")
    assert declined(more) == Publication(Stage.OPEN, "two", "one", "one")


def test_a_node_that_costs_money_since_then_is_on_trial_again() -> None:
    now_paid = needs("Load", "Save", paid=frozenset({"Load"}))
    assert judged(Publish.TRIAL, OPENED, "two", now_paid, PLAIN, []) == Publication(Stage.TRIAL, "two", "two", "one")


def test_a_pack_that_is_not_allowed_is_refused_and_an_earlier_version_stays() -> None:
    wild = needs("Wild", pack="Wild-Pack")
    refused = judged(Publish.TRIAL, OPENED, "two", wild, PLAIN, [])
    assert isinstance(refused, Refusal)
    assert "Wild-Pack" in refused.reason
    assert judged(Publish.TRIAL, None, "two", wild, None, ["wild-pack"]) == Publication(Stage.TRIAL, "two", "two")


def test_what_an_operator_closed_stays_closed_until_one_opens_it() -> None:
    shut = closed(OPENED)
    assert shut == Publication(Stage.CLOSED, "one", "", "one")
    edited = judged(Publish.OPEN, shut, "two", PLAIN, None, [])
    assert edited == Publication(Stage.CLOSED, "two", "", "one")
    assert isinstance(edited, Publication)
    assert accepted(edited) == Publication(Stage.OPEN, "two", "two", "two")


def test_a_pack_that_is_not_allowed_is_refused_while_the_workflow_is_closed_too() -> None:
    shut, wild = closed(OPENED), needs("Wild", pack="Wild-Pack")
    assert isinstance(judged(Publish.TRIAL, shut, "two", wild, PLAIN, []), Refusal)
    assert judged(Publish.OPEN, shut, "two", wild, PLAIN, []) == Publication(Stage.CLOSED, "two", "", "one")


def test_an_earlier_version_is_offered_until_another_one_is_saved() -> None:
    later = Publication(Stage.OPEN, "two", "two", "two")
    earlier = back_to(later, "one")
    assert earlier == Publication(Stage.OPEN, "two", "one", "one")
    assert judged(Publish.TRIAL, earlier, "three", PLAIN, PLAIN, []) == Publication(
        Stage.OPEN, "three", "three", "three"
    )
