"""The rights of buttons: who may press which, on every platform. Moderation decides about the buttons of its own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from bot.core.model import Person, Place
from bot.i18n import _


class Button(StrEnum):
    """A button, by what it does."""

    CANCEL = "cancel"
    AGAIN = "again"
    CHANGE = "change"
    USE = "use"
    ORIGINAL = "original"
    DETAILS = "details"
    REPORT = "report"  #: a result, to the reviewers of its place
    DELETE = "delete"
    VARY = "vary"
    CHOOSE = "choose"  #: the result with which a recipe goes on
    RESUME = "resume"  #: a recipe, from the step that failed
    NUMBER = "number"  #: of a run of a group: opens the buttons of that one
    TRY = "try"  #: a first run, with a picture of ours
    FORM = "form"  #: of a form, or of a question that belongs to one
    MASK = "mask"  #: a link with which a mask is drawn
    FORGET = "forget"  #: asks the person who presses it
    FORGET_SURELY = "forget surely"  #: the answer to that question
    OWN_DATA = "own data"  #: hands a person what is kept of them


class Right(Enum):
    """The people who may press a button, among those who see its message."""

    READERS = "all"
    WRITERS = "those who may write there themselves"
    OWNER = "the person whose it is"
    OWNER_AND_MODERATORS = "the person whose it is, and moderators"


#: The right to press each button: if only the person who presses it gets an answer, and if the answer stands in the
#: chat. A form that all can see has the values of the person who asked.
RIGHTS: dict[Button, tuple[Right, Right]] = {
    Button.CANCEL: (Right.OWNER_AND_MODERATORS, Right.OWNER_AND_MODERATORS),
    Button.AGAIN: (Right.WRITERS, Right.WRITERS),
    Button.CHANGE: (Right.WRITERS, Right.OWNER_AND_MODERATORS),
    Button.USE: (Right.WRITERS, Right.WRITERS),
    Button.ORIGINAL: (Right.READERS, Right.WRITERS),
    Button.DETAILS: (Right.READERS, Right.WRITERS),
    Button.REPORT: (Right.READERS, Right.READERS),
    Button.DELETE: (Right.OWNER_AND_MODERATORS, Right.OWNER_AND_MODERATORS),
    Button.VARY: (Right.WRITERS, Right.WRITERS),
    Button.CHOOSE: (Right.OWNER_AND_MODERATORS, Right.OWNER_AND_MODERATORS),
    Button.RESUME: (Right.WRITERS, Right.WRITERS),
    Button.NUMBER: (Right.READERS, Right.WRITERS),
    Button.TRY: (Right.WRITERS, Right.WRITERS),
    Button.FORM: (Right.OWNER, Right.OWNER),
    Button.MASK: (Right.OWNER, Right.OWNER),
    Button.FORGET: (Right.READERS, Right.WRITERS),
    Button.FORGET_SURELY: (Right.OWNER, Right.OWNER),
    Button.OWN_DATA: (Right.OWNER, Right.OWNER),
}


@dataclass(frozen=True)
class ButtonPress:
    """A press by a person in a place. `owner` is the person whose run, form or question it is, as "platform:id".

    `openly` says that the answer stands in the chat, and `writes` that the person may write there. With `present` the
    button stands below the message that it belongs to; a forged one may not.
    """

    button: Button
    by: Person
    here: Place
    owner: str = ""
    openly: bool = False
    writes: bool = True
    present: bool = True


def refusal(press: ButtonPress, *, operator: bool = False) -> str:
    """Return the reason why a person may not press a button; empty if they may. Operators may press all buttons of
    runs, and no other person's forms and questions.
    """
    alone, openly = RIGHTS[press.button]
    right = openly if press.openly else alone
    own = press.by.key == press.owner
    if right is Right.OWNER:
        return "" if own else _("This button is for another person.")
    if operator:
        return ""
    if not press.present and not own:
        return _("This button belongs to another chat.")
    if right is Right.WRITERS and not (press.writes or press.by.moderator):
        return _("Only people who may write here can do that.")
    if right is Right.OWNER_AND_MODERATORS and not (own or _moderates(press)):
        return _("Only the person who asked for this run, or a moderator, can do that.")
    return ""


def _moderates(press: ButtonPress) -> bool:
    return press.by.moderator and press.by.platform == press.owner.partition(":")[0]
