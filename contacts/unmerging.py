"""Taking a merge back: both contacts as they were, or the reasons why not."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import ManyToOneRel, Max, Min

from contacts.kept_changes import KeptChange, MergeStages
from contacts.locking import lock_register
from contacts.masking import for_log
from contacts.merge_records import relations
from contacts.models import Contact, ContactIdentity, ContactMerge, DeletedContact
from contacts.unique_number import has_unique_number


class MergeStands(Exception):
    """A merge cannot be undone; the sentences say what stands in the way."""

    def __init__(self, obstacles: Sequence[str]) -> None:
        super().__init__(" ".join(obstacles))
        self.obstacles = obstacles


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """What an undo would make of a merge: two contacts, or the obstacles."""

    merge: ContactMerge
    obstacles: Sequence[str]
    # What staff entered since, which stays as it is.
    kept: Sequence[KeptChange] = ()
    survivor: Contact | None = None
    restored: Contact | None = None


def preview_undo(merge: ContactMerge, *, now: datetime) -> Undoing:
    """Return what would come back, and what stands in the way; change nothing."""
    if obstacles := list(_closed(merge)):
        return Undoing(merge=merge, obstacles=obstacles)
    current = Contact.objects.get(pk=merge.survivor_id)
    restored = _contact(merge.merged_contact)
    survivor, kept = _as_before(merge, current, restored, now=now)
    return Undoing(
        merge=merge,
        obstacles=list(_obstacles(merge, current, survivor, restored)),
        kept=kept,
        survivor=survivor,
        restored=restored,
    )


def undo_merge(
    *, merge_id: int, tenant_id: int, undone_by: User | None, now: datetime
) -> Undoing:
    """Make two contacts of one again, each with what was its own.

    Messages that came since stay with the contact that got them, and what staff entered
    since with the survivor. Raises `MergeStands`,
    having changed nothing, and `ContactMerge.DoesNotExist`.
    """
    with transaction.atomic():
        lock_register(tenant_id)
        merge = ContactMerge.objects.get(pk=merge_id, tenant_id=tenant_id)
        Contact.objects.select_for_update().get(pk=merge.survivor_id)
        undoing = preview_undo(merge, now=now)
        survivor, restored = undoing.survivor, undoing.restored
        if undoing.obstacles or survivor is None or restored is None:
            raise MergeStands(undoing.obstacles)
        # Both are news to programs that follow `updated_at`.
        restored.updated_at = now
        DeletedContact.objects.filter(pk=restored.pk).delete()
        # The survivor first, who may have to let go of the other's number.
        survivor.save(force_update=True)
        restored.save(force_insert=True)
        for relation in relations():
            _move_back(relation, merge)
        if merge.given_identity_id:
            ContactIdentity.objects.filter(pk=merge.given_identity_id).delete()
        merge.undone_at, merge.undone_by = now, undone_by
        merge.save(update_fields=["undone_at", "undone_by"])
        return undoing


def _move_back(relation: ManyToOneRel, merge: ContactMerge) -> None:
    model = relation.field.model
    moved = model._base_manager.filter(
        pk__in=merge.moved.get(model._meta.db_table, [])
    ).order_by("pk")
    # In the order of their ids, as everybody locks them.
    list(moved.select_for_update(no_key=True).values_list("pk"))
    moved.order_by().update(**{relation.field.attname: merge.merged_contact_id})


def _closed(merge: ContactMerge) -> Iterator[str]:
    """Say why the record as such cannot be followed."""
    # Who absorbed whom moves along when the survivor itself is merged.
    if merge.undone_at:
        yield f"Merge {merge.pk} was undone already."
    elif not merge.survivor_after:
        yield (
            f"Merge {merge.pk} was recorded by an earlier release, without what the "
            "contact became: what came later cannot be told."
        )
    elif merge.survivor_before["id"] != merge.survivor_id:
        later = (
            ContactMerge.objects.filter(
                merged_contact_id=merge.survivor_before["id"], undone_at=None
            )
            .order_by("-pk")
            .first()
        )
        yield (
            f"Contact {merge.survivor_before['id']} has since been merged into contact "
            f"{merge.survivor_id}: undo merge {later.pk if later else '?'} first."
        )


def _obstacles(
    merge: ContactMerge, current: Contact, survivor: Contact, restored: Contact
) -> Iterator[str]:
    later_merges = ContactMerge.objects.filter(
        survivor=merge.survivor_id, pk__gt=merge.pk, undone_at=None
    ).order_by("-pk")
    if later_merges:
        for later in later_merges:
            yield (
                f"Contact {later.merged_contact_id} has since been merged into contact "
                f"{merge.survivor_id} as well: undo merge {later.pk} first."
            )
        return  # what else differs may come of them
    if Contact.objects.filter(pk=restored.pk).exists():
        yield f"There is a contact {restored.pk} again."
    yield from _numbers_taken(current, survivor, restored)
    yield from _rows_gone(merge)


def _numbers_taken(
    current: Contact, survivor: Contact, restored: Contact
) -> Iterator[str]:
    """Say whose a number is now that would have to come back."""
    only_once = has_unique_number()
    if (
        only_once
        and restored.phone_number
        and (survivor.phone_number == restored.phone_number)
    ):
        yield (
            f"Contact {current.pk} shows the number {for_log(restored.phone_number)} "
            "itself, and the database allows each number once."
        )
    numbers = {restored.phone_number}
    if survivor.phone_number != current.phone_number:
        numbers.add(survivor.phone_number)
    takers = Contact.objects.filter(
        tenant_id=current.tenant_id, phone_number__in=numbers - {None}
    ).exclude(pk=current.pk)
    for taker in takers.order_by("pk")[:5] if only_once else []:
        yield (
            f"The number {for_log(taker.phone_number or '')} is contact "
            f"{taker.pk}'s now."
        )


def _rows_gone(merge: ContactMerge) -> Iterator[str]:
    """Say which of the rows that moved are not the survivor's any more."""
    for relation in relations():
        model = relation.field.model
        table, name = model._meta.db_table, str(model._meta.verbose_name_plural)
        moved = set(merge.moved.get(table, []))
        rows = dict(
            model._base_manager.filter(pk__in=moved).values_list(
                "pk", relation.field.attname
            )
        )
        if deleted := len(moved - set(rows)):
            yield f"{deleted} of its {name} were deleted since."
        elsewhere = {pk for pk, owner in rows.items() if owner != merge.survivor_id}
        if model is ContactIdentity:
            for identity in ContactIdentity.objects.filter(pk__in=elsewhere):
                yield (
                    f"The {identity.get_kind_display()} {for_log(identity.value)} "
                    f"means contact {identity.contact_id} now."
                )
        elif elsewhere:
            yield f"{len(elsewhere)} of its {name} are another contact's now."


def _contact(columns: dict[str, Any]) -> Contact:
    """Return the contact of recorded columns; newer columns have their defaults."""
    return Contact(
        **{
            field.attname: field.to_python(columns[field.column])
            for field in Contact._meta.concrete_fields
            if field.column in columns
        }
    )


def _as_before(
    merge: ContactMerge, current: Contact, restored: Contact, *, now: datetime
) -> tuple[Contact, list[KeptChange]]:
    """Return the survivor as it was before the merge, with what came since."""
    before, result = _contact(merge.survivor_before), _contact(merge.survivor_before)
    after = _contact(merge.survivor_before | merge.survivor_after)
    for columns in _told_together(merge.survivor_before):
        if _values(current, columns) != _values(after, columns):
            for column in columns:
                setattr(result, column, getattr(current, column))
    if current.message_count != after.message_count:
        _count_newer(merge, before, result, current.message_count - after.message_count)
    stages = MergeStages(before=before, after=after, current=current, merged=restored)
    kept = [*stages.keep_name(result), *stages.keep_email(result)]
    result.updated_at = now
    return result, kept


def _told_together(columns: Collection[str]) -> Iterator[tuple[str, ...]]:
    """Yield what was said with its time or source, every other column by itself."""
    companions = {
        column: companion
        for column in columns
        for companion in (f"{column}_at", f"{column}_source")
        if companion in columns
    }
    for column in columns:
        if column in companions:
            yield column, companions[column]
        elif column not in companions.values():
            yield (column,)


def _values(contact: Contact, columns: Iterable[str]) -> list[Any]:
    return [getattr(contact, column) for column in columns]


def _count_newer(
    merge: ContactMerge, before: Contact, survivor: Contact, count: int
) -> None:
    """Let the counters cover what the survivor got since, and not what goes back."""
    messages = before.messages.order_by()
    moved = merge.moved.get(messages.model._meta.db_table, [])
    span = messages.exclude(pk__in=moved).aggregate(
        first=Min("sent_at"), last=Max("sent_at")
    )
    survivor.message_count = max(before.message_count + count, 0)
    survivor.first_message_at = min(
        filter(None, [before.first_message_at, span["first"]]), default=None
    )
    survivor.last_message_at = max(
        filter(None, [before.last_message_at, span["last"]]), default=None
    )
