"""What lenders' files say of two contacts, before they are merged into one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string

from config.panels import phones_of
from contacts.models import Contact
from contacts.panels import register_merge_panel
from customers.history import entries_of_phones

_ENTRIES_READ = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledLoans:
    """The newest entry of each loan under a contact's numbers, newest first."""

    contact: Contact
    entries: Sequence[Any]

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys(entry.full_name for entry in self.entries))

    @property
    def loan_numbers(self) -> set[str]:
        return {entry.loan_number for entry in self.entries} - {""}

    @property
    def national_ids(self) -> set[str]:
        """What is shown of each national id."""
        return {entry.national_id_masked for entry in self.entries} - {""}

    @property
    def national_id_digests(self) -> set[str]:
        return {entry.national_id_digest for entry in self.entries} - {""}


def register() -> None:
    """Put the panel in its place, once, when the apps are ready."""
    register_merge_panel(loans_of_both)


def loans_of_both(request: HttpRequest, survivor: Contact, merged: Contact) -> str:
    """Return the loans and names under the numbers of both, and what contradicts."""
    if not request.user.has_perm("customers.view_customer"):
        return ""
    both = [_filed(contact) for contact in (survivor, merged)]
    return render_to_string(
        "desk/merge_loans.html",
        {
            "tenant": survivor.tenant,
            "both": both,
            "any": any(one.entries for one in both),
            "warnings": list(_contradictions(*both)),
            "shared": sorted(both[0].loan_numbers & both[1].loan_numbers),
        },
        request=request,
    )


def _filed(contact: Contact) -> FiledLoans:
    entries = entries_of_phones(tenant=contact.tenant, phones=phones_of(contact))
    newest: dict[tuple[str, str], Any] = {}
    for entry in entries[:_ENTRIES_READ]:
        # Without a loan number, a name under a phone is all there is to go by.
        key = (
            ("loan", entry.loan_number)
            if entry.loan_number
            else (
                entry.primary_phone,
                entry.full_name,
            )
        )
        newest.setdefault(key, entry)
    return FiledLoans(contact=contact, entries=list(newest.values()))


def _contradictions(one: FiledLoans, other: FiledLoans) -> list[str]:
    warnings = []
    if _are_apart(set(map(_words, one.names)), set(map(_words, other.names))):
        warnings.append(
            f"The files call contact {one.contact.pk} {_listed(one.names)}, and "
            f"contact {other.contact.pk} {_listed(other.names)}."
        )
    if _have_two_national_ids(one, other):
        warnings.append(
            "The files give them different national ids: "
            f"{_listed(sorted(one.national_ids))} for contact {one.contact.pk}, "
            f"{_listed(sorted(other.national_ids))} for contact {other.contact.pk}."
        )
    return warnings


def _have_two_national_ids(one: FiledLoans, other: FiledLoans) -> bool:
    """Tell whether ids of one kind differ; kinds are told apart by their length."""
    kinds = {len(text) for text in one.national_ids}
    kinds &= {len(text) for text in other.national_ids}
    of_one, of_other = (
        {text for text in side.national_ids if len(text) in kinds}
        for side in (one, other)
    )
    if _are_apart(of_one, of_other):
        return True
    return bool(kinds) and _are_apart(
        one.national_id_digests, other.national_id_digests
    )


def _are_apart(one: set[Any], other: set[Any]) -> bool:
    return bool(one and other) and not one & other


def _words(name: str) -> tuple[str, ...]:
    """Return a name's words without regard to case, order and punctuation."""
    letters = "".join(one if one.isalnum() else " " for one in name.casefold())
    return tuple(sorted(letters.split()))


def _listed(texts: Any) -> str:
    return " or ".join(f"“{text}”" for text in dict.fromkeys(texts))
