"""The table of buttons: who may press which, on every platform."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.model import Person, Place
from bot.core.policy.buttons import RIGHTS, Button, ButtonPress, refusal

HERE = Place("telegram", "-1", "Friends", "-1")
ANN, BOB = Person("telegram", "1", "Ann"), Person("telegram", "2", "Bob")
MODERATOR = replace(BOB, moderator=True)
OPENLY = {Button.AGAIN, Button.CHANGE, Button.USE, Button.ORIGINAL, Button.DETAILS, Button.TRY, Button.FORGET}


def may(button: Button, by: Person, **more: bool) -> bool:
    operator = more.pop("operator", False)
    return not refusal(ButtonPress(button, by, HERE, ANN.key, **more), operator=operator)


@pytest.mark.parametrize("button", Button)
def test_every_button_is_in_the_table_and_its_owner_may_press_it(button: Button) -> None:
    assert button in RIGHTS
    assert may(button, ANN)
    assert may(button, ANN, openly=True)


def test_forms_and_questions_are_for_one_person() -> None:
    for button in (Button.FORM, Button.FORGET_SURELY):
        for other in (BOB, MODERATOR):
            assert not may(button, other)
            assert not may(button, other, operator=True)


def test_only_the_asker_and_moderators_stop_and_delete() -> None:
    for button in (Button.CANCEL, Button.DELETE):
        assert not may(button, BOB)
        assert may(button, MODERATOR)
        assert may(button, BOB, operator=True)
        assert not may(button, replace(MODERATOR, platform="discord"))


def test_the_bot_does_not_post_for_people_who_may_not_write_there() -> None:
    for button in OPENLY:
        assert not may(button, BOB, openly=True, writes=False), button
        assert may(button, MODERATOR, openly=True, writes=False), button
    assert not may(Button.AGAIN, BOB, writes=False)  # its result is posted, whoever gets the answer
    assert may(Button.ORIGINAL, BOB, writes=False)


def test_a_form_that_all_can_see_has_the_values_of_the_asker() -> None:
    assert may(Button.CHANGE, BOB)
    assert not may(Button.CHANGE, BOB, openly=True)


def test_a_button_of_another_chat_is_only_for_the_one_whose_run_it_is() -> None:
    for button in Button:
        assert may(button, ANN, present=False), button
        assert not may(button, MODERATOR, present=False), button
