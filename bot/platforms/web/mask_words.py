"""The words of the window in which masks and crops are drawn, in the language of this process."""

from __future__ import annotations

from bot.i18n import _


def mask_words() -> dict[str, str]:
    """Each by the name that the scripts call it by; `{…}` is filled in there."""
    return {
        "mask_title": _("Draw a mask: {name}"),
        "crop_title": _("Crop: {name}"),
        "mask_hint": _("Paint over what shall change."),
        "crop_hint": _("Drag the corners. What lies outside is cut off."),
        "move_hint": _("Drag the picture; two fingers or the wheel zoom."),
        "tools": _("Tool"),
        "paint": _("Brush"),
        "erase": _("Eraser"),
        "move": _("Move"),
        "crop": _("Crop"),
        "size": _("Brush size"),
        "undo": _("Undo"),
        "redo": _("Redo"),
        "invert": _("Invert"),
        "clear": _("Clear"),
        "zoom_in": _("Zoom in"),
        "zoom_out": _("Zoom out"),
        "fit": _("Show all"),
        "ratio": _("Ratio"),
        "free": _("Free"),
        "whole": _("Whole picture"),
        "box": _("Move the crop"),
        "corner_tl": _("Upper left corner of the crop"),
        "corner_tr": _("Upper right corner of the crop"),
        "corner_bl": _("Lower left corner of the crop"),
        "corner_br": _("Lower right corner of the crop"),
        "crop_said": _("The crop is {width} by {height} %, {left} % from the left and {top} % from the top."),
        "stage": _("Picture"),
        "keys": _(
            "Arrows move the brush, with Shift further. Space puts it down or lifts it. B is the brush, E the eraser, M"
            " moves the picture, [ and ] change the size, + and - zoom, 0 shows all, Ctrl+Z undoes."
        ),
        "at": _("{left} % from the left, {top} % from the top"),
        "down": _("down"),
        "up": _("lifted"),
        "undone": _("Undone."),
        "redone": _("Done again."),
        "inverted": _("Inverted."),
        "cleared": _("Cleared."),
        "use": _("Use it"),
        "send": _("Run it"),
        "sending": _("Sending…"),
        "cancel": _("Cancel"),
        "discard": _("Discard it?"),
        "nothing": _("Nothing is drawn yet."),
        "unreadable": _("This browser cannot show {name}. Save it as PNG or JPEG first."),
        "unreachable": _("Darkroom cannot be reached. Please try again in a minute."),
        "opening": _("One moment…"),
        "taken": _("It is in line. The result comes to your chat; you can close this page."),
        "open_again": _("Open it again"),
    }
