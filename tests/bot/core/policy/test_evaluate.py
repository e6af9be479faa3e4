"""Rules decide as in a table of cases, and keep properties that hold for every set of rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.model import DisplayOptions, Person, Place
from bot.core.policy.evaluate import DefaultAccess, decide, display_options, limits, narrowings, review, word_lists
from bot.core.policy.rules import (
    Access,
    Block,
    Budget,
    Limit,
    Measure,
    Narrowing,
    Review,
    Rule,
    Rules,
    RunPrice,
    Spending,
    Trial,
    WordList,
)
from bot.core.policy.scope import ADMINISTRATORS, EVERYONE, RequestContext, Scope, Subject
from bot.core.policy.spending import price_of
from comfy.prices import Price

GUILD, NOW = "test:guild", 1000.0
ANN = Person("test", "1", "Ann", frozenset({"artists", "members"}))
THREAD = Place("test", "thread", "a thread", "guild", parents=("channel", "category"))
ARTISTS, MEMBERS, HER = Subject.role("artists", "artists"), Subject.role("members", "members"), Subject.person(ANN)
YES, NO = Access(allow=True), Access(allow=False)


def rule(
    body: Any, place: str = "", who: Subject = EVERYONE, workflow: str = "", name: str = "", community: str = GUILD
) -> Rule:
    return Rule(Scope(community, place, who, workflow, place and f"#{place}"), body, name)


def may(*rules: Rule, person: Person = ANN, place: Place = THREAD, default: str = "all") -> bool:
    context = RequestContext.of(person, place, "poster")
    return decide(Rules(rules), context, DefaultAccess.read(default), NOW).allowed


CASES = [
    ("nothing decided, all by default", [], "all", True),
    ("nothing decided, none by default", [], "none", False),
    ("in the operator's list", [], "negative, poster", True),
    ("not in the operator's list", [], "negative", False),
    ("allowed here", [rule(YES)], "none", True),
    ("denied here", [rule(NO)], "all", False),
    ("another workflow is denied", [rule(NO, workflow="negative")], "all", True),
    ("one workflow goes before all", [rule(NO), rule(YES, workflow="poster")], "none", True),
    ("a channel goes before the community", [rule(NO), rule(YES, "channel")], "all", True),
    ("a thread goes before its channel", [rule(YES, "channel"), rule(NO, "thread")], "all", False),
    ("a channel goes before its category", [rule(YES, "channel"), rule(NO, "category")], "all", True),
    ("another channel's rule says nothing here", [rule(NO, "other")], "all", True),
    ("a place goes before whom it is for", [rule(YES, who=HER), rule(NO, "channel")], "all", False),
    ("a role goes before everyone", [rule(NO), rule(YES, who=ARTISTS)], "all", True),
    ("a denial goes first among roles", [rule(NO, who=MEMBERS), rule(YES, who=ARTISTS)], "all", False),
    ("whichever role it is", [rule(YES, who=MEMBERS), rule(NO, who=ARTISTS)], "all", False),
    ("a person goes before roles", [rule(NO, who=ARTISTS), rule(YES, who=HER)], "all", True),
    ("whom it is for goes before the workflow", [rule(NO, workflow="poster"), rule(YES, who=ARTISTS)], "all", True),
    ("administrators' rules are not for members", [rule(NO), rule(YES, who=ADMINISTRATORS)], "all", False),
    ("another's role", [rule(YES, who=Subject.role("others"))], "none", False),
    ("a denial before an allowance", [rule(YES), rule(NO)], "all", False),
    ("the operator's allowance", [rule(YES, community="")], "none", True),
    ("a community goes before the operator's allowance", [rule(YES, community=""), rule(NO)], "all", False),
    ("nothing goes before the operator's denial", [rule(NO, community=""), rule(YES, "thread", HER)], "all", False),
    ("not even the operator", [rule(NO, community=""), rule(YES, workflow="poster", community="")], "all", False),
    ("a block goes before all", [rule(YES, "thread", HER), rule(Block(), who=HER)], "all", False),
    ("a block that lasts", [rule(Block("spam", NOW + 1), who=HER)], "all", False),
    ("a block that is over", [rule(Block("spam", NOW), who=HER)], "all", True),
    ("a block in another channel", [rule(Block(), "other", HER)], "all", True),
    ("a block everywhere", [rule(Block(), who=HER, community="")], "all", False),
    ("another's block", [rule(Block(), who=Subject.person(Person("test", "2")))], "all", True),
]


@pytest.mark.parametrize(("_case", "rules", "default", "allowed"), CASES, ids=[case[0] for case in CASES])
def test_who_may(_case: str, rules: list[Rule], default: str, allowed: bool) -> None:
    assert may(*rules, default=default) is allowed
    assert may(*rules[::-1], default=default) is allowed


SPEND = Spending(100)
MONEY = [
    ("the operator has decided nothing", [rule(YES)], "poster", False),
    ("it is not among all by default", [rule(SPEND)], "all", False),
    ("it is named by default", [rule(SPEND)], "poster", True),
    ("it is allowed here", [rule(SPEND), rule(YES)], "none", True),
    ("it is denied here", [rule(SPEND), rule(NO)], "poster", False),
    ("money is permitted everywhere", [rule(SPEND, community=""), rule(YES)], "none", True),
    ("money is permitted elsewhere", [rule(SPEND, community="test:other"), rule(YES)], "none", False),
    ("money is forbidden here", [rule(SPEND, community=""), rule(Spending(0)), rule(YES)], "none", False),
    ("money is forbidden everywhere", [rule(SPEND), rule(Spending(0), community=""), rule(YES)], "none", False),
    ("a price is no permission", [rule(RunPrice(5), workflow="poster", community=""), rule(YES)], "none", False),
]


@pytest.mark.parametrize(("_case", "rules", "default", "allowed"), MONEY, ids=[case[0] for case in MONEY])
def test_who_may_spend_money(_case: str, rules: list[Rule], default: str, allowed: bool) -> None:
    context = RequestContext.of(ANN, THREAD, "poster", costs=True)
    assert decide(Rules(rules), context, DefaultAccess.read(default), NOW).allowed is allowed
    assert may(*rules, default="all") is (rule(NO) not in rules)  # what costs nothing is as it was


def test_all_ceilings_count_and_only_for_what_costs_money() -> None:
    given_rules = Rules(
        [
            rule(Spending(500), community=""),
            rule(SPEND),
            rule(Limit(20), who=ARTISTS, name=Measure.CREDITS),
            rule(Budget(50), "channel", name=Measure.CREDITS),
            rule(Limit(3), name=Measure.DAY),
        ]
    )
    free = RequestContext.of(ANN, THREAD, "poster")
    assert [(each.name, each.most) for each in limits(given_rules, free)] == [(Measure.DAY, 3)]
    found = limits(given_rules, replace(free, costs=True))
    amounts = {(each.scope.where, type(each.body), each.most) for each in found if each.name == Measure.CREDITS}
    assert amounts == {
        ("everywhere", Budget, 500),
        ("everywhere here", Budget, 100),
        ("everywhere here", Limit, 20),
        ("in #channel", Budget, 50),
    }


def test_the_operators_price_counts_where_none_is_declared() -> None:
    own = Rules([rule(RunPrice(5.5), workflow="poster", community="")])
    assert price_of(own, "poster", None) == Price(5.5, 5.5, is_declared=False)
    assert price_of(own, "poster", Price(1, 2)) == Price(1, 2)
    assert price_of(own, "negative", None) is None


def test_administrators_are_those_of_the_place() -> None:
    mod = replace(ANN, moderator=True)
    assert may(rule(NO), rule(YES, who=ADMINISTRATORS), person=mod)
    assert may(rule(NO, who=ARTISTS), rule(YES, who=ADMINISTRATORS), person=mod)


def test_in_private_only_the_operator_decides() -> None:
    alone = Place("test", "1", "")
    assert may(rule(NO), place=alone)
    assert not may(rule(NO, community=""), place=alone)


@pytest.mark.parametrize(
    ("given_rule", "sentence"),
    [
        (rule(NO, "channel", ARTISTS, "poster"), "“poster” is denied for artists in #channel."),
        (rule(NO), "Every workflow is denied everywhere here."),
        (rule(NO, community=""), "Every workflow is denied everywhere, by the operator."),
        (
            rule(Block("spam", 3600.0), "channel", HER),
            "blocked you in #channel until 1970-01-01 01:00 UTC. The reason: spam",
        ),
    ],
)
def test_the_reason_is_the_rule_in_plain_words(given_rule: Rule, sentence: str) -> None:
    decision = decide(Rules([given_rule]), RequestContext.of(ANN, THREAD, "poster"), DefaultAccess(), NOW)
    assert sentence in decision.why
    assert decision.rule == given_rule


def test_each_place_has_its_own_limit_and_the_narrowest_of_whom_counts() -> None:
    hour = Measure.HOUR
    everyone, artists, members = (
        rule(Limit(5), name=hour),
        rule(Limit(50), who=ARTISTS, name=hour),
        rule(Limit(20), who=MEMBERS, name=hour),
    )
    channel = rule(Limit(3), "channel", name=hour)
    poster = rule(Limit(2), workflow="poster", name=hour)
    found = limits(Rules([everyone, artists, members, channel, poster]), RequestContext.of(ANN, THREAD, "poster"))
    assert sorted(found, key=str) == sorted([artists, channel, poster], key=str)
    others = limits(Rules([everyone, artists]), RequestContext.of(Person("test", "2"), THREAD, "poster"))
    assert others == [everyone]


def test_of_several_roles_the_shorter_pause_counts() -> None:
    long, short = (rule(Limit(most), who=who, name=Measure.COOLDOWN) for most, who in ((60, ARTISTS), (5, MEMBERS)))
    assert limits(Rules([long, short]), RequestContext.of(ANN, THREAD, "poster")) == [short]


def test_a_budget_counts_beside_what_each_person_may_have() -> None:
    own, together = rule(Limit(3), name=Measure.DAY), rule(Budget(20), name=Measure.DAY)
    assert limits(Rules([own, together]), RequestContext.of(ANN, THREAD, "poster")) == [own, together]


def test_what_holds_of_a_field_everywhere_holds_beside_the_narrowest_decision() -> None:
    everywhere = rule(Narrowing(maximum=9), name="steps", community="")
    guild, channel = rule(Narrowing(maximum=7), name="steps"), rule(Narrowing(maximum=20), "channel", name="steps")
    found = narrowings(Rules([everywhere, guild, channel]), RequestContext.of(ANN, THREAD, "poster"), ["steps", "size"])
    assert list(found) == [("steps", Narrowing(maximum=9)), ("steps", Narrowing(maximum=20))]


def test_every_list_of_words_holds_also_the_wider_ones_of_one_name() -> None:
    everywhere = rule(WordList(("a",)), name="rude", community="")
    guild, channel = rule(WordList(("b",)), name="rude"), rule(WordList(("c",)), "channel", name="more")
    other = rule(WordList(("d",)), "other", name="rude")
    found = word_lists(Rules([everywhere, guild, channel, other]), RequestContext.of(ANN, THREAD, "poster"))
    assert {id(each) for each in found} == {id(each) for each in (everywhere, guild, channel)}


def test_review_and_manner_are_the_narrowest_ones() -> None:
    context = RequestContext.of(ANN, THREAD, "poster")
    rules = Rules([rule(Review(channel="mods")), rule(Review(on=False), "thread")])
    assert review(rules, context) == Review(on=False, channel="mods")
    assert review(Rules([rule(Review(), community=""), rule(Review(on=False))]), context).on
    shown = Rules([rule(DisplayOptions("thread", previews=False)), rule(DisplayOptions(spoilers=True), "channel")])
    assert display_options(shown, context) == DisplayOptions("thread", previews=False, spoilers=True)
    assert display_options(Rules(), context) == DisplayOptions("here", previews=True, spoilers=False)


whoms = st.sampled_from(
    [EVERYONE, ADMINISTRATORS, ARTISTS, MEMBERS, HER, Subject.role("others"), Subject.person(Person("test", "9"))]
)
scopes = st.builds(
    Scope,
    st.sampled_from([GUILD, ""]),
    st.sampled_from(["", "thread", "channel", "category", "other"]),
    whoms,
    st.sampled_from(["", "poster", "negative"]),
).map(lambda scope: scope if scope.community else replace(scope, place=""))
bodies = st.one_of(
    st.sampled_from([YES, NO]),
    st.builds(Block, st.just(""), st.sampled_from([None, NOW - 1, NOW + 1])),
)
accesses = st.builds(Rule, scopes, bodies)
people = st.builds(
    lambda number, roles, admin: Person("test", number, "", frozenset(roles), admin),
    st.sampled_from(["1", "2"]),
    st.sets(st.sampled_from(["artists", "members", "others"])),
    st.booleans(),
)


@settings(deadline=None)
@given(st.lists(accesses, max_size=12), people, st.sampled_from(["all", "none"]), st.randoms())
@pytest.mark.long
def test_the_order_in_which_rules_were_written_does_not_matter(
    rules: list[Rule], person: Person, default: str, random: Any
) -> None:
    shuffled = random.sample(rules, len(rules))
    blocks = {each.slot for each in rules if isinstance(each.body, Block)}
    if len(blocks) == sum(isinstance(each.body, Block) for each in rules):  # of two blocks the later one holds
        assert may(*rules, person=person, default=default) is may(*shuffled, person=person, default=default)


@settings(deadline=None)
@given(st.lists(accesses, max_size=12), people)
@pytest.mark.long
def test_no_allowance_lets_in_whom_the_operator_has_denied(rules: list[Rule], person: Person) -> None:
    assert not may(*rules, rule(NO, community=""), person=person)
    assert not may(*rules, rule(NO, workflow="poster", community=""), person=person)


@settings(deadline=None)
@given(st.lists(accesses, max_size=12), people)
@pytest.mark.long
def test_no_allowance_opens_what_is_being_tried(rules: list[Rule], person: Person) -> None:
    trial, opened = (rule(each, workflow="poster", community="") for each in (Trial("test:1"), Trial(open=True)))
    assert not may(*rules, trial, person=replace(person, id="2"))
    assert may(*rules, opened, person=person) is may(*rules, person=person)
    hers = replace(person, id="1")
    assert may(*rules, trial, person=hers, default="none") is may(*rules, person=hers)


@settings(deadline=None)
@given(st.lists(accesses, max_size=12), people, st.sampled_from(["all", "none"]))
@pytest.mark.long
def test_a_denial_in_the_place_of_an_allowance_lets_nobody_in(rules: list[Rule], person: Person, default: str) -> None:
    for scope in {each.scope for each in rules}:
        others = [each for each in rules if (each.scope, type(each.body)) != (scope, Access)]
        if may(*others, Rule(scope, NO), person=person, default=default):
            assert may(*others, Rule(scope, YES), person=person, default=default)


@settings(deadline=None)
@given(st.lists(accesses, max_size=12), people)
@pytest.mark.long
def test_what_is_not_about_a_request_does_not_decide_it(rules: list[Rule], person: Person) -> None:
    context = RequestContext.of(person, THREAD, "poster")
    keys = {key for key in context.scope_keys for tier in context.tiers(key) for key in tier}
    about = [each for each in rules if each.scope.key in keys]
    assert may(*rules, person=person) is may(*about, person=person)


BODIES = [
    YES,
    Limit(3),
    Narrowing(1, 2.5, choices=("a", "b"), default="a"),
    Narrowing(fixed=True, hidden=True),
    WordList(("bad",), ("b+d",), hold=True),
    Review(on=False, channel="1"),
    Block("spam", 12.5),
    DisplayOptions("thread", previews=False),
    Budget(3),
    Trial("test:1"),
]


@pytest.mark.parametrize("body", BODIES, ids=[type(body).__name__ for body in BODIES])
def test_rules_come_back_from_data_as_they_were(body: Any) -> None:
    before = rule(body, "channel", ARTISTS, "poster", "hour" if isinstance(body, Limit | Budget) else "a name")
    after = Rule.from_json(before.to_json(), GUILD)
    assert after == before
    assert (after.scope.place_name, after.scope.who.name) == ("#channel", "artists")


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (None, "its kind is not one of access, limit"),
        ({"kind": "else", "body": {}}, "its kind is not one of access, limit"),
        ({"kind": "access"}, "“body” is missing"),
        ({"kind": "access", "body": {}}, "something is missing"),
        ({"kind": "access", "body": {"allow": "yes"}}, "“allow” is unknown or has the wrong type"),
        ({"kind": "access", "body": {"allow": True, "more": 1}}, "“more” is unknown"),
        ({"kind": "access", "who": "king", "body": {"allow": True}}, "“king” does not name people"),
        ({"kind": "access", "who": "role", "body": {"allow": True}}, "“role” does not name people"),
        ({"kind": "access", "place": 7, "body": {"allow": True}}, "“place” is missing or has the wrong type"),
        ({"kind": "limit", "name": "years", "body": {"most": 1}}, "no limit “years”"),
        ({"kind": "limit", "name": "hour", "body": {"most": True}}, "has the wrong type"),
        ({"kind": "wordlist", "body": {"words": ["a", 1]}}, "“words” is unknown or has the wrong type"),
        ({"kind": "narrowing", "body": {"minimum": "low"}}, "“minimum” is unknown or has the wrong type"),
    ],
)
def test_data_that_are_no_rule(data: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Rule.from_json(data, GUILD)


@pytest.mark.parametrize(
    ("body", "name", "most"),
    [
        (WordList(("x" * 501,)), "", 500),
        (WordList(patterns=("tree", "x" * 501)), "", 500),
        (Review(channel="x" * 501), "", 500),
        (Narrowing(fixed="x" * 6001), "prompt", 6000),
        (Narrowing(choices=("x" * 6001,)), "prompt", 6000),
        (Narrowing(fixed="x" * 6000), "prompt", None),
        (NO, "x" * 501, 500),
        (NO, "x" * 500, None),
    ],
)
def test_what_is_too_long_to_be_kept_is_named(body: Any, name: str, most: int | None) -> None:
    kept = rule(body, name=name)
    assert kept.excess == (None if most is None else f"“{'x' * 20}…” has more than {most} characters")
    assert Rule.from_json(kept.to_json(), GUILD) == kept  # what an earlier version has kept is still read


def test_a_thousand_rules_are_as_quick_as_one() -> None:
    """Counted, not timed: how many keys are looked up does not hang on how many rules there are."""
    context = RequestContext.of(ANN, THREAD, "poster")
    looked_up = sum(len(tier) for key in context.scope_keys for tier in context.tiers(key))
    assert looked_up == 5 * 4 * 2
    many = Rules([rule(NO, f"place-{number}", workflow="poster") for number in range(1000)])
    assert decide(many, context, DefaultAccess(), NOW).allowed
