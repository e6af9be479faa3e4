"""The service for presets: people keep values of a run under a name, and fill forms in with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bot.core.errors import UnknownWorkflow, UserError
from bot.core.model import Person, Place
from bot.core.people.accounts import NO_LINKS, KnownAccounts
from bot.core.presets.fitting import fitted
from bot.core.presets.store import Accounts, Preset, PresetStore, folded
from bot.core.run import RunRecord
from bot.core.similar import similar
from bot.core.workflows.catalog import Workflows
from bot.core.workflows.form import Form, listed
from bot.i18n import _, ngettext

_MOST, _LONGEST = 100, 60  # presets of a person, and characters of a name


class Forms(Protocol):
    """The forms as people may fill them in."""

    @property
    def catalog(self) -> Workflows: ...

    async def form(self, workflow: str, person: Person, place: Place, version: str = "") -> Form: ...


@dataclass(frozen=True)
class FilledForm:
    """The start of a form: a workflow's id, and values. `news` says what of the preset is not taken here, and why."""

    workflow: str
    values: Mapping[str, Any]
    news: str = ""


class PresetService:
    """The presets of people. A preset only fills a form in: the rules of the place hold when that is sent. All methods
    raise `UserError` and `StorageFailed`.
    """

    def __init__(self, store: PresetStore, forms: Forms, accounts: KnownAccounts = NO_LINKS) -> None:
        self._store, self._forms, self._accounts = store, forms, accounts

    async def of(self, person: Person) -> list[Preset]:
        """Return a person's presets, by their names."""
        return await self._store.of(self._whose(person))

    async def names(self, person: Person) -> list[str]:
        """Return the names of a person's presets."""
        return [each.name for each in await self.of(person)]

    async def lines(self, person: Person) -> list[str]:
        """Describe a person's presets, a line each."""
        return [self.line(each) for each in await self.of(person)]

    async def keep(self, person: Person, run: RunRecord, name: str) -> str:
        """Keep the values of a run, without its files and its seed. The platform has checked that the person may fill
        in a form with them.
        """
        title, kept = self._title(run.workflow), self._values_of(run)
        if not kept:
            raise UserError(_("This run cannot be kept as a preset: it has only files or a seed."))
        name = _checked(name)
        replaced = await self._store.put(self._whose(person), name, run.workflow, kept, _MOST)
        if replaced is None:
            words = _("You have {count} presets, which is the most. Delete one first.")
            raise UserError(words.format(count=_MOST))
        words = (
            _("Replaced your preset “{name}” by the values of this run of {title}.")
            if replaced
            else _("Kept the values of this run of {title} as your preset “{name}”.")
        )
        return words.format(name=name, title=title)

    async def fill(self, person: Person, place: Place, name: str) -> FilledForm:
        """Start a form with a preset, as far as the rules of a place allow its values."""
        preset = await self._named(person, name)
        form = await self._forms.form(preset.workflow, person, place)
        declared = {each.name for each in self._forms.catalog.get(preset.workflow).declared}
        found = fitted(form, preset.values, declared - set(form.names))
        news = _("These values of “{name}” are not taken here:").format(name=preset.name)
        return FilledForm(preset.workflow, found.values, "\n".join([news, *found.left_out]) if found.left_out else "")

    async def rename(self, person: Person, name: str, new: str) -> str:
        preset, new = await self._named(person, name), _checked(new)
        if not await self._store.rename(self._whose(person), preset.number, new):
            raise UserError(_("You have another preset “{name}”.").format(name=new))
        return _("Your preset “{old}” is now called “{new}”.").format(old=preset.name, new=new)

    async def delete(self, person: Person, name: str) -> str:
        preset = await self._named(person, name)
        await self._store.delete(self._whose(person), preset.number)
        return _("Deleted your preset “{name}”.").format(name=preset.name)

    async def share(self, person: Person, name: str) -> str:
        """Return the words with the code that lets others have a copy."""
        preset = await self._named(person, name)
        code = await self._store.share(self._whose(person), preset.number, on=True)
        words = _("Who has the code {code} can have a copy of “{name}”, until you take it back.")
        return words.format(code=code, name=preset.name)

    async def unshare(self, person: Person, name: str) -> str:
        """Take a code back. Copies that others have made stay theirs."""
        preset = await self._named(person, name)
        await self._store.share(self._whose(person), preset.number, on=False)
        return _("The code of “{name}” no longer works.").format(name=preset.name)

    async def take(self, person: Person, code: str) -> str:
        """Make a copy of the preset that a code shares."""
        shared = await self._store.shared(code.strip().lower())
        if shared is None:
            raise UserError(_("There is no preset with this code. Perhaps it was taken back."))
        taken = {folded(each.name) for each in await self.of(person)}
        names = [shared.name, *(f"{shared.name[: _LONGEST - 4]} {number}" for number in range(2, _MOST + 2))]
        name = next(each for each in names if folded(each) not in taken)
        if await self._store.put(self._whose(person), name, shared.workflow, shared.values, _MOST) is None:
            words = _("You have {count} presets, which is the most. Delete one first.")
            raise UserError(words.format(count=_MOST))
        return _("You have a copy of it now: “{name}”, for {title}.").format(
            name=name, title=self._title(shared.workflow)
        )

    async def make_usual(self, person: Person, name: str, *, on: bool) -> str:
        """Make a preset the person's own defaults of its workflow, or undo that."""
        preset = await self._named(person, name)
        await self._store.make_usual(self._whose(person), preset.workflow, preset.number if on else None)
        words = (
            _("What you leave out in {title} is taken from “{name}” now, where the rules of the place allow it.")
            if on
            else _("What you leave out in {title} is as everybody has it again.")
        )
        return words.format(title=self._title(preset.workflow), name=preset.name)

    async def at(self, person: Person, number: int) -> Preset:
        """Return a person's preset by its number."""
        preset = await self._store.numbered(self._whose(person), number)
        if preset is None:
            raise UserError(_("This preset has been deleted."))
        return preset

    async def _named(self, person: Person, name: str) -> Preset:
        preset = await self._store.named(self._whose(person), name)
        if preset is not None:
            return preset
        names = await self.names(person)
        if not names:
            words = _("You have no presets yet. Save the values of a run under a name first.")
            raise UserError(words)
        near = similar(name, names)
        words = _("You have no preset “{name}”. Did you mean “{near}”?") if near else _("You have no preset “{name}”.")
        words = words.format(name=name.strip()[:_LONGEST], near=near[0] if near else "")
        raise UserError(words + " " + _("You have: {names}").format(names=listed(names, like=name)))

    def _whose(self, person: Person) -> Accounts:
        return self._accounts.in_order(person.key)

    def _values_of(self, run: RunRecord) -> dict[str, Any]:
        """Return the values of a run that a person can give, without its seed."""
        workflow = self._forms.catalog.workflows.get(run.workflow)
        if workflow is None:
            raise UnknownWorkflow(_("The workflow of this run is no longer there."))
        seeds = {each.name for each in workflow.form().fields if each.seed}
        known = {each.name for each in workflow.declared} - seeds
        written = run.wording.written if run.wording is not None else {}
        return {name: value for name, value in run.written.items() if name in known or name in written}

    def _title(self, workflow: str) -> str:
        found = self._forms.catalog.workflows.get(workflow)
        return (found.title if found is not None else "") or self._forms.catalog.title(workflow)

    def line(self, preset: Preset) -> str:
        """Describe a preset in a line."""
        marks = [_("your defaults")] if preset.usual else []
        marks += [_("shared as {code}").format(code=preset.code)] if preset.code else []
        values = ngettext("{count} value", "{count} values", len(preset.values)).format(count=len(preset.values))
        told = ", ".join([self._title(preset.workflow), values, *marks])
        return f"{preset.name}: {told}"


def _checked(name: str) -> str:
    """Return a name as it is kept."""
    name = " ".join(name.split())
    if not name or len(name) > _LONGEST or not name.isprintable():
        raise UserError(_("A preset needs a name, of at most {count} characters.").format(count=_LONGEST))
    return name
