"""The words of the page that its scripts need, in the language of this process."""

from __future__ import annotations

from bot.i18n import _, language


def words() -> dict[str, str]:
    """Each by the name that the scripts call it by; `{…}` is filled in there."""
    return {
        "workflows": _("Workflows"),
        "conversation": _("Your pictures"),
        "cannot": _("Cannot run here"),
        "run": _("Develop"),
        "sending": _("Sending…"),
        "required": _("needed"),
        "optional": _("optional"),
        "drop": _("Drop a picture here, paste one, or choose it"),
        "drop_video": _("Drop a video here, or choose it"),
        "drop_audio": _("Drop a sound file here, or choose it"),
        "replace": _("Choose another"),
        "sample": _("Use a sample picture"),
        "remove": _("Remove"),
        "too_large": _("{name} is too large; the maximum is {most} MB."),
        "wrong_kind": _("{name} is not a file of the kind that belongs here."),
        "seed": _("Random unless given"),
        "die": _("Roll a new seed"),
        "count": _("{count} of {most} characters"),
        "default": _("As the server has it"),
        "yes": _("Yes"),
        "again": _("Again"),
        "change": _("Change"),
        "cancel": _("Cancel"),
        "cancelling": _("Cancelling…"),
        "use": _("Use as input"),
        "download": _("Download"),
        "delete": _("Delete"),
        "sure": _("Delete for good?"),
        "open": _("Open {name} in full"),
        "close": _("Close"),
        "actual": _("Actual size"),
        "fit": _("Fit to the window"),
        "asked": _("{title}, asked at {time}"),
        "given": _("Given: {name}"),
        "result": _("{title}: {said}"),
        "progress": _("Progress of {title}"),
        "preview": _("Live preview of {title}"),
        "empty": _("Nothing here yet. Pick a workflow, give it what it asks for, and watch it develop."),
        "earlier": _("Show earlier ones"),
        "lost": _("The connection is gone; trying to get it back…"),
        "back": _("Connected again."),
        "failed": _("This did not work: {reason}"),
        "unreachable": _("Darkroom cannot be reached just now."),
        "ended": _("{title} is done."),
        "ended_badly": _("{title}: {line}"),
        "put_into": _("Put into “{field}” of {title}."),
        "nowhere": _("No workflow here takes a file of this kind."),
        "deleted": _("Deleted."),
        "copied": _("Copied."),
        "copy": _("Copy"),
        "state_waiting": _("In line"),
        "state_running": _("Developing"),
        "state_delivering": _("Fetching"),
        "state_held": _("Held"),
        "state_paused": _("Paused"),
        "state_done": _("Done"),
        "state_failed": _("Failed"),
        "state_cancelled": _("Cancelled"),
        "no_workflows": _("There are no workflows here yet."),
    }


def page_words() -> dict[str, str]:
    """The words that stand in the page before any script has run."""
    return {
        "language": language,
        "title": _("Darkroom"),
        "moderation": _("The operator's desk"),
        "back": _("Back to the page"),
        "tagline": _("Workflows, developed before your eyes"),
        "skip": _("Skip to your pictures"),
        "needs_scripts": _("This page needs JavaScript."),
        "workflows": _("Workflows"),
        "conversation": _("Your pictures"),
        "login": _("This page needs its token. Please ask the operator for it."),
        "token": _("Token"),
        "enter": _("Come in"),
        "wrong": _("That is not the token."),
    }
