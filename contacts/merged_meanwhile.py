"""What became of two contacts since somebody looked at them to merge them."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Count, Max, Q, QuerySet

from contacts.models import Contact, ContactMerge


def find_standing_merge(
    *, contacts: QuerySet[Contact], merged_id: int
) -> ContactMerge | None:
    """Return the merge that took a contact into one of these, unless it was undone."""
    return (
        ContactMerge.objects.filter(
            merged_contact_id=merged_id, undone_at=None, survivor__in=contacts
        )
        .select_related("merged_by")
        .defer("moved", "survivor_before", "survivor_after")
        .order_by("-pk")
        .first()
    )


def find_merge_that_changed(
    survivor: Contact, column: str, *, since: datetime
) -> ContactMerge | None:
    """Return the newest merge since then that changed a column of who stayed."""
    merges = survivor.absorbed_merges.filter(merged_at__gte=since, undone_at=None)
    for merge in merges.defer("moved", "merged_contact").order_by("-pk"):
        before = merge.survivor_before.get(column)
        if merge.survivor_after.get(column, before) != before:
            return merge
    return None


def merges_seen(contacts: Collection[Contact]) -> str:
    """Return what is another text after each merge of one of these, and each undo."""
    ids = [contact.pk for contact in contacts]
    found = ContactMerge.objects.filter(
        Q(survivor__in=ids) | Q(merged_contact_id__in=ids),
        tenant__in={contact.tenant_id for contact in contacts},
    ).aggregate(newest=Max("pk"), undone=Count("undone_at"))
    return f"{found['newest'] or 0}.{found['undone']}"
