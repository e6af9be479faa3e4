"""/link and /unlink on Telegram, which make one person of accounts on several platforms."""

from __future__ import annotations

from bot.i18n import _
from bot.platforms.telegram.caller import Caller, Responder
from bot.platforms.telegram.runs import captions

LINK, UNLINK = "link", "unlink"
_SURE = "yes"


class LinkCommands:
    """Answers both, with what was typed behind the command: nothing, a code, or a code and “yes”."""

    def __init__(self, responder: Responder) -> None:
        self._responder, self._links = responder, responder.services.links

    async def answer(self, caller: Caller, command: str, rest: str) -> None:
        """Raises `UserError`."""
        await self._responder.say(caller, captions.lines(await self._told(caller, command, rest), captions.TEXT))

    async def _told(self, caller: Caller, command: str, rest: str) -> str:
        if command == UNLINK:
            return await self._links.end(caller.person)
        words = rest.split()
        if not words:
            return await self._links.start(caller.person, caller.place)
        sure = len(words) > 1 and words[-1].lower() == _SURE
        code = "".join(words[:-1] if sure else words)
        told = await self._links.join(caller.person, caller.place, code, sure=sure)
        return told if sure else "\n".join([told, _("To go on, say: {words}").format(words=f"/link {code} {_SURE}")])
