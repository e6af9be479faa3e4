"""Quotas: how much of a limit a person has used, and how to say it. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.policy.rules import Budget, Measure, Rule
from bot.core.status_text import credit_words, duration
from bot.i18n import _, ngettext

_NEARLY = 1e-6  # sums of seconds are not exact to the last digit


@dataclass(frozen=True)
class QuotaStatus:
    """The used part of a limit, and the part that one more run `needs`; so many are `asked` for with one request. If
    that is too much, `free_in` is the number of seconds until there is enough; None if that depends on runs that have
    not ended.
    """

    rule: Rule
    used: float
    needs: float = 1.0
    free_in: float | None = None
    asked: int = 1

    @property
    def room(self) -> int:
        return 1 if self.rule.name == Measure.COOLDOWN else self.rule.most

    @property
    def left(self) -> float:
        return max(0.0, self.room - self.used)

    @property
    def wanted(self) -> float:
        """The part that all runs need that are asked for."""
        return self.needs * self.asked

    @property
    def is_reached(self) -> bool:
        return self.used >= self.room or self.used + self.wanted > self.room + _NEARLY

    @property
    def fits(self) -> int:
        """The number of runs that fit, of those that are asked for."""
        if not self.is_reached or self.is_kept_in_line:
            return self.asked
        return max(0, int((self.room - self.used + _NEARLY) // self.needs)) if self.needs > 0 else 0

    @property
    def is_kept_in_line(self) -> bool:
        """True if one more run waits instead of being refused."""
        return self.rule.name == Measure.RUNNING and self.room > 0

    def __str__(self) -> str:
        """The limit, how much of it is left, and when there is more."""
        parts = [limit_words(self.rule)]
        if self.rule.name not in (Measure.COOLDOWN, Measure.COUNT):
            parts.append(_("{left} left").format(left=self._left))
        if self.is_reached and self.free_in:
            parts.append(_("more in {time}").format(time=duration(self.free_in)))
        return ", ".join(parts)

    @property
    def refusal(self) -> str:
        """The message for a person who asks for a run above the limit."""
        if self.fits:
            words = [_("This is more than a limit allows: {limit}.").format(limit=limit_words(self.rule))]
        else:
            words = [_("You have reached a limit: {limit}.").format(limit=limit_words(self.rule))]
            if self.rule.name not in (Measure.COOLDOWN, Measure.WAITING) and self.room:
                words.append(self._used_up)
        if self.free_in:
            words.append(_("You can try again in {time}.").format(time=duration(self.free_in)))
        elif self.rule.name == Measure.WAITING and self.room:
            words.append(_("Try again when one of your runs has started."))
        elif self.room:
            words.append(_("Try again when a run has ended."))
        return " ".join(words)

    @property
    def _used_up(self) -> str:
        if self.rule.name == Measure.SECONDS and self.left >= 1:
            words = _("{left} are left, and this run takes about {time}.")
            return words.format(left=self._left, time=duration(self.needs))
        if self.rule.name == Measure.CREDITS and self.needs > self.left > 0:
            words = _("{left} are left, and this run costs up to {needs}.")
            return words.format(left=self._left, needs=credit_words(self.needs))
        return _("All of it has been used.") if self._is_shared else _("You have used all of it.")

    @property
    def _left(self) -> str:
        if self.rule.name == Measure.CREDITS:
            return credit_words(self.left)
        return duration(self.left) if self.rule.name == Measure.SECONDS and self.left >= 1 else f"{self.left:.0f}"

    @property
    def _is_shared(self) -> bool:
        return isinstance(self.rule.body, Budget)


def limit_words(rule: Rule) -> str:
    """Return a limit in words: “5 runs of “poster” per hour in #general”."""
    match Measure(rule.name):
        case Measure.HOUR:
            words = _("{runs} per hour {scope}")
        case Measure.DAY:
            words = _("{runs} per day {scope}")
        case Measure.SECONDS:
            words = _("{time} of server time per day {scope}")
        case Measure.WAITING:
            words = _("{runs} waiting at a time {scope}")
        case Measure.RUNNING:
            words = _("{runs} running at a time {scope}")
        case Measure.COOLDOWN:
            words = _("{time} between two runs {scope}")
        case Measure.CREDITS:
            words = _("{credits} per day {scope}")
        case Measure.COUNT:
            words = _("{runs} with one request {scope}")
    told = words.format(runs=_runs(rule), time=_time(rule.most), credits=credit_words(rule.most), scope=rule.scope)
    if rule.scope.workflow and rule.name in (Measure.SECONDS, Measure.COOLDOWN, Measure.CREDITS):
        told = _("{limit} (“{workflow}”)").format(limit=told, workflow=rule.scope.workflow)
    return _("{limit}, for all people together").format(limit=told) if isinstance(rule.body, Budget) else told


def _runs(rule: Rule) -> str:
    if rule.scope.workflow:
        words = ngettext("{count} run of “{workflow}”", "{count} runs of “{workflow}”", rule.most)
        return words.format(count=rule.most, workflow=rule.scope.workflow)
    return ngettext("{count} run", "{count} runs", rule.most).format(count=rule.most)


def _time(most: int) -> str:
    return duration(most) if most else _("nothing")


def fitting_words(asked: int, fits: int) -> str:
    """Return the sentence that says how many of several runs fit; empty if that is none."""
    if not 0 < fits < asked:
        return ""
    words = ngettext("You asked for {asked} at once: {fits} fits.", "You asked for {asked} at once: {fits} fit.", fits)
    return words.format(asked=number_word(asked), fits=number_word(fits))


def number_word(count: int) -> str:
    """Return a small number as a word."""
    words = [_("none"), _("one"), _("two"), _("three"), _("four"), _("five")]
    words += [_("six"), _("seven"), _("eight"), _("nine"), _("ten")]
    return words[count] if 0 <= count < len(words) else str(count)
