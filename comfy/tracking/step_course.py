"""The pace of the running node: for how long it will only tell steps, more often than anybody is shown one."""

from __future__ import annotations

from comfy.messages.events import StepProgress

_STEPS = 2  # that come in a rest at least: for one it would only be another reason to wake
_BYTES = 64 * 1024  # that come in a rest at most: more may not be read at once, and would hold up the server


class StepCourse:
    """The steps of the running node, and how fast it takes them."""

    def __init__(self) -> None:
        self._node: tuple[str | None, str | None] | None = None
        self._first, self._since = 0.0, 0.0  # its first step that was told, and when
        self._bytes = 0  # that have come since then, previews among them

    def note(self, size: int) -> None:
        """Take note of a message of so many bytes."""
        self._bytes += size

    def rest(self, step: StepProgress, now: float, longest: float) -> float:
        """Return the seconds, at most `longest`, in which only steps will come: half of the time that the node still
        needs at its pace. 0.0 where too few would come for a rest to be worth it.
        """
        node = step.prompt_id, step.node
        if node != self._node or step.value <= self._first:
            self._node, self._first, self._since, self._bytes = node, step.value, now, 0
            return 0.0
        each = (now - self._since) / (step.value - self._first)
        room = _BYTES * (now - self._since) / max(self._bytes, 1)
        rest = min((step.max - step.value) * each / 2, longest, room)
        return rest if rest >= _STEPS * each > 0.0 else 0.0
