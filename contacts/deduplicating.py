"""Merging duplicates in sets: found, looked at again under locks, merged, committed."""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected

from contacts.arrays import array
from contacts.duplicates import GROUNDS, Ground, Group, find_duplicates
from contacts.locking import lock_register
from contacts.merging import ContactsChanged, merge_contacts
from contacts.models import ContactMerge

logger = logging.getLogger(__name__)

# Merges in a transaction: nobody new can be made of the tenant meanwhile, so that it
# is to last some tenths of a second.
BATCH_SIZE = 2_000
TRIES = 5


def merge_groups(
    *,
    tenant_id: int,
    groups: Sequence[Group],
    grounds: Collection[Ground] = GROUNDS,
    now: datetime,
    clock: Callable[[], datetime] | None = None,
) -> Iterator[int]:
    """Merge each group into its oldest; yield how many were merged, batch by batch.

    Each batch is a transaction. Whoever is stopped between two may begin again. Where
    they may take minutes, give a clock: a batch that is committed with an old time is
    missed by programs which follow `updated_at`.
    """
    for number, batch in enumerate(_batches(groups), start=1):
        yield _merge_in_turn(tenant_id, batch, grounds, clock() if clock else now)
        if number == 1:
            _tell_planner()


def merge_two(
    *,
    tenant_id: int,
    survivor_id: int,
    merged_id: int,
    merged_by: User | None,
    now: datetime,
) -> None:
    """Merge two contacts that somebody knows to be one person.

    Raises `ContactsChanged` when one is not there, or not this tenant's.
    """
    if survivor_id == merged_id:
        raise ContactsChanged
    with transaction.atomic():
        lock_register(tenant_id)
        merge_contacts(
            tenant_id=tenant_id,
            survivors={merged_id: survivor_id},
            reason=ContactMerge.Reason.BY_HAND,
            merged_by=merged_by,
            now=now,
        )


def _batches(groups: Sequence[Group]) -> Iterator[list[Group]]:
    """Cut into batches of at most some `BATCH_SIZE` merges, a huge group too."""
    batch: list[Group] = []
    merges = 0
    for group in groups:
        for start in range(0, len(group.merged_ids), BATCH_SIZE):
            merged_ids = group.merged_ids[start : start + BATCH_SIZE]
            whole = len(merged_ids) == len(group.merged_ids)
            batch.append(group if whole else replace(group, merged_ids=merged_ids))
            merges += len(merged_ids)
            if merges >= BATCH_SIZE:
                yield batch
                batch, merges = [], 0
    if batch:
        yield batch


def _tell_planner() -> None:
    """Let PostgreSQL see that the records of merges are no longer few.

    It would go through all of them for each batch, and for each contact that goes,
    until its own look, which may come after minutes.
    """
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE contact_merges")


def _merge_in_turn(
    tenant_id: int, groups: Sequence[Group], grounds: Collection[Ground], now: datetime
) -> int:
    """Merge a batch; again, when it and somebody else waited for each other.

    The product locks in one order, so that this takes somebody's own SQL.
    """
    for _ in range(TRIES - 1):
        try:
            return _merge_batch(tenant_id, groups, grounds, now)
        except OperationalError as exc:
            if not isinstance(exc.__cause__, DeadlockDetected):
                raise
            logger.warning(
                "Contacts of tenant %s: a deadlock, the batch begins again", tenant_id
            )
    return _merge_batch(tenant_id, groups, grounds, now)


def _merge_batch(
    tenant_id: int, groups: Sequence[Group], grounds: Collection[Ground], now: datetime
) -> int:
    """Merge what is still a duplicate when nobody can change it any more."""
    contact_ids = [one for group in groups for one in group.contact_ids]
    with transaction.atomic():
        lock_register(tenant_id)
        with connection.cursor() as cursor:
            # A crash loses a batch whole, and whoever runs it again merges it.
            cursor.execute("SET LOCAL synchronous_commit = off")
            cursor.execute(
                "SELECT FROM contacts WHERE id = ANY(%s::bigint[])"
                " ORDER BY id FOR UPDATE",
                [array(contact_ids)],
            )
        found = find_duplicates(tenant_id=tenant_id, grounds=grounds, among=contact_ids)
        survivors = {
            merged_id: group.survivor_id
            for group in found
            for merged_id in group.merged_ids
        }
        merge_contacts(
            tenant_id=tenant_id,
            survivors=survivors,
            reason=ContactMerge.Reason.DUPLICATE,
            merged_by=None,
            now=now,
        )
    return len(survivors)
