"""Forget a person's loan entries."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from customers.models import Customer
from tenants.models import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgottenEntries:
    """Entries that went, by upload, with their lines; and alternate numbers of others
    that were the person's."""

    by_upload: dict[int, int]
    lines: frozenset[tuple[int, int]]
    alternate_phones: int

    @property
    def count(self) -> int:
        return sum(self.by_upload.values())


def forget_entries(*, tenant: Tenant, phones: Collection[str]) -> ForgottenEntries:
    """Delete every entry under these numbers (digits).

    Where somebody else's entry gives one of them as the alternate number, only that
    cell is emptied.
    """
    numbers = [f"+{phone}" for phone in phones]
    entries = Customer.objects.filter(tenant=tenant, primary_phone__in=numbers)
    lines = frozenset(entries.values_list("upload_id", "row_number"))
    by_upload = Counter(upload_id for upload_id, _ in lines)
    entries.delete()
    others = Customer.objects.filter(
        tenant=tenant, alternate_phone__in=numbers
    ).exclude(alternate_phone="")  # said twice for the planner, to have the index
    return ForgottenEntries(
        by_upload=dict(by_upload),
        lines=lines,
        alternate_phones=others.update(alternate_phone=""),
    )
