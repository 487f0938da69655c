"""What staff entered since a merge: it stays with the survivor when that is undone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.conf import settings

from contacts.models import Contact
from contacts.names import NameFacts, settle_name
from contacts.statements import show_stated_email, was_entered
from tenants.change_history import mask_email, mask_name

_STAYS = (
    "The {column} {entered}, entered since the merge, stays with contact {survivor}."
)
_STAYS_FOR = _STAYS + " Its former {column} {former} is not put back."
_REMOVED = (
    "The {column} of contact {survivor} was removed since the merge: its former "
    "{column} {former} is not put back."
)
_RETURNS = (
    "Contact {merged} gets back the {column} {former}, which was removed since the "
    "merge."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptChange:
    """A name or an address that an undo leaves as staff made it; "" is none."""

    text: str
    column: str
    mask: Callable[[str], str]
    survivor: int
    merged: int
    entered: str = ""
    former: str = ""

    def __str__(self) -> str:
        """Return it for a terminal."""
        show = str if settings.LOG_PERSONAL_DATA else self.mask
        return self._sentence(show(self.entered), show(self.former))

    @property
    def in_full(self) -> str:
        """Return it for the page of these contacts, which shows both anyway."""
        return self._sentence(self.entered, self.former)

    def _sentence(self, entered: str, former: str) -> str:
        return self.text.format(
            column=self.column,
            entered=f"“{entered}”",
            former=f"“{former}”",
            survivor=self.survivor,
            merged=self.merged,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeStages:
    """The survivor before a merge, after it and now, and who was merged into it."""

    before: Contact
    after: Contact
    current: Contact
    merged: Contact

    def keep_name(self, restored: Contact) -> Iterator[KeptChange]:
        """Set the survivor's name as it is to be after the undo; yield what stays."""
        staff = Contact.NameSource.STAFF
        before, after, current = self.before, self.after, self.current
        restored.name, restored.name_source = before.name, before.name_source
        if current.name_source == staff and (
            after.name_source != staff or after.name != current.name
        ):
            restored.name, restored.name_source = current.name, staff
            yield self._kept("name", mask_name, current.name, before.name)
        elif after.name_source == staff != current.name_source:
            if before.name_source == staff:
                restored.name, restored.name_source = "", Contact.NameSource.UNKNOWN
            owner = before if before.name_source == staff else self.merged
            yield self._removed("name", mask_name, owner, owner.name)
        facts = NameFacts.of(restored)
        if facts != NameFacts.of(before):
            settle_name(facts)
            facts.write_to(restored)

    def keep_email(self, restored: Contact) -> Iterator[KeptChange]:
        """Set the survivor's address as it is to be; yield what stays."""
        before, after, current = self.before, self.after, self.current
        restored.email, restored.email_source = before.email, before.email_source
        differs = (current.email, current.email_source) != (
            after.email,
            after.email_source,
        )
        if differs and was_entered(current):
            restored.email, restored.email_source = current.email, current.email_source
            yield self._kept("e-mail address", mask_email, current.email, before.email)
        elif differs and was_entered(after):
            show_stated_email(restored)
            owner = before if was_entered(before) else self.merged
            yield self._removed("e-mail address", mask_email, owner, owner.email)
        elif not was_entered(before) and restored.stated_email != before.stated_email:
            show_stated_email(restored)

    def _kept(
        self, column: str, mask: Callable[[str], str], entered: str, former: str
    ) -> KeptChange:
        return self._change(
            text=_STAYS if former in ("", entered) else _STAYS_FOR,
            column=column,
            mask=mask,
            entered=entered,
            former=former,
        )

    def _removed(
        self, column: str, mask: Callable[[str], str], owner: Contact, former: str
    ) -> KeptChange:
        text = _REMOVED if owner is self.before else _RETURNS
        return self._change(text=text, column=column, mask=mask, former=former)

    def _change(
        self,
        *,
        text: str,
        column: str,
        mask: Callable[[str], str],
        former: str,
        entered: str = "",
    ) -> KeptChange:
        return KeptChange(
            text=text,
            column=column,
            mask=mask,
            survivor=self.current.pk,
            merged=self.merged.pk,
            entered=entered,
            former=former,
        )
