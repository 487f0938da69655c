"""Forget a person's loan entries."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from customers.comparing import forget_comparisons
from customers.models import Customer
from customers.search_index import forget_alternate_phones, forget_lines
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


def forget_entries(
    *, tenant: Tenant, uploads: Collection[int], phones: Collection[str]
) -> ForgottenEntries:
    """Delete every entry of these uploads under these numbers (digits).

    Where somebody else's entry gives one of them as the alternate number, only that
    cell is emptied. Neither is found by any search afterwards. The caller holds the
    uploads: nothing is added to them meanwhile, nor to their search index.
    """
    numbers = [f"+{phone}" for phone in phones]
    held = frozenset(uploads)
    of_tenant = Customer.objects.filter(tenant=tenant)
    entries = [
        (pk, upload_id, line)
        for pk, upload_id, line in of_tenant.filter(
            primary_phone__in=numbers
        ).values_list("pk", "upload_id", "row_number")
        if upload_id in held
    ]
    forget_comparisons(uploads={upload_id for _, upload_id, _ in entries})
    Customer.objects.filter(pk__in=[pk for pk, _, _ in entries]).delete()
    by_upload: dict[int, list[int]] = {}
    for _, upload_id, line in entries:
        by_upload.setdefault(upload_id, []).append(line)
    for upload_id, lines in by_upload.items():
        forget_lines(tenant_id=tenant.pk, upload_id=upload_id, lines=lines)
    others = Customer.objects.filter(
        pk__in=[
            pk
            for pk, upload_id in of_tenant.filter(alternate_phone__in=numbers)
            .exclude(alternate_phone="")  # said twice for the planner, for the index
            .values_list("pk", "upload_id")
            if upload_id in held
        ]
    )
    cells = ("upload_id", "row_number", "alternate_phone", "primary_phone")
    forget_alternate_phones(tenant_id=tenant.pk, entries=others.values_list(*cells))
    return ForgottenEntries(
        by_upload=dict(Counter(upload_id for _, upload_id, _ in entries)),
        lines=frozenset((upload_id, line) for _, upload_id, line in entries),
        alternate_phones=others.update(alternate_phone=""),
    )
