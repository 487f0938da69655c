"""Checks of the rows: what must be true of them, by a recount."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import ForeignKey, Model

from config.verify.report import Finding, Scope, ago, fail, ok, rows_of, warn
from config.verify.schema import our_models
from contacts.duplicates import find_duplicates
from contacts.unique_number import has_unique_number
from customers.search_index import count_misindexed, uploads_to_index
from messaging.recounting import find_miscounted
from tenants.models import Tenant

STUCK_AFTER = timedelta(minutes=2)
# After an update that brings the index, old files are indexed for minutes.
_INDEXED_WITHIN = timedelta(minutes=10)


def duplicates(scope: Scope) -> Finding:
    """Contacts that `dedupe_contacts --apply` would join, or might have to soon."""
    tenants = Tenant.objects.order_by("pk").values_list("pk", flat=True)
    if scope.tenant_id is not None:
        tenants = tenants.filter(pk=scope.tenant_id)
    groups = [group for one in tenants for group in find_duplicates(tenant_id=one)]
    if groups:
        count = sum(len(group.merged_ids) for group in groups)
        return fail(
            f"{len(groups)} people have {count} duplicates",
            "manage.py dedupe_contacts shows them; with --apply it joins them, and "
            "can undo it.",
        )
    if not has_unique_number():
        return fail(
            "none, but nothing keeps a number from standing twice",
            "manage.py dedupe_contacts --add-index adds the unique index.",
        )
    return ok("none")


def orphans(scope: Scope) -> Finding:
    """Rows that point at nothing. Some tables have no foreign keys, for speed."""
    found = []
    for model, field, target in _references():
        table, parent = model._meta.db_table, target._meta.db_table
        # Names of our own models.
        ((count,),) = rows_of(
            f"SELECT count(*) FROM {table} AS child"  # noqa: S608
            f" WHERE {_of_tenant(model)} AND {field.column} IS NOT NULL"
            f" AND NOT EXISTS (SELECT 1 FROM {parent} AS parent"
            f" WHERE parent.id = child.{field.column})",
            tenant_id=scope.tenant_id,
        )
        if count:
            found.append(f"{count} of {table} by {field.column}")
    if found:
        return fail(
            f"pointing at nothing: {', '.join(found)}",
            "Restore what is missing from a backup, or delete these rows by SQL.",
        )
    return ok("none")


def strangers(scope: Scope) -> Finding:
    """Rows of one tenant that point at another's."""
    found = []
    for model, field, target in _references():
        if target is Tenant or not (_has_tenant(model) and _has_tenant(target)):
            continue
        table, parent = model._meta.db_table, target._meta.db_table
        # Names of our own models.
        ((count,),) = rows_of(
            f"SELECT count(*) FROM {table} AS child"  # noqa: S608
            f" JOIN {parent} AS parent ON parent.id = child.{field.column}"
            f" WHERE {_of_tenant(model)} AND parent.tenant_id <> child.tenant_id",
            tenant_id=scope.tenant_id,
        )
        if count:
            found.append(f"{count} of {table} by {field.column}")
    if found:
        return fail(
            f"pointing at another tenant's: {', '.join(found)}",
            "Nothing of the product writes such rows: see what else writes to this "
            "database, and correct them by SQL.",
        )
    return ok("none")


def _references() -> Iterator[tuple[type[Model], ForeignKey[Any, Any], type[Model]]]:
    """Yield every reference between tables of ours."""
    ours = set(our_models())
    for model in ours:
        for field in model._meta.local_concrete_fields:
            if isinstance(field, ForeignKey) and field.remote_field.model in ours:
                yield model, field, field.remote_field.model


def _has_tenant(model: type[Model]) -> bool:
    return any(field.column == "tenant_id" for field in model._meta.concrete_fields)


def _of_tenant(model: type[Model]) -> str:
    if not _has_tenant(model):
        return "true"
    return "(%(tenant_id)s::bigint IS NULL OR child.tenant_id = %(tenant_id)s)"


def contact_counters(scope: Scope) -> Finding:
    """Messages, first and last of each contact, against a recount."""
    wrong = find_miscounted(tenant_id=scope.tenant_id)
    if wrong:
        return fail(
            f"{len(wrong)} contacts count their messages wrongly",
            "manage.py recount_contacts sets them right.",
        )
    return ok("equal to a recount")


def upload_counts(scope: Scope) -> Finding:
    """Rows said to be loaded, against the entries that are there."""
    ((count,),) = rows_of(
        """
        SELECT count(*) FROM file_uploads
        LEFT JOIN (
            SELECT upload_id, count(*) AS counted FROM customers
            WHERE %(tenant_id)s::bigint IS NULL OR tenant_id = %(tenant_id)s
            GROUP BY upload_id
        ) AS recount ON recount.upload_id = file_uploads.id
        WHERE (%(tenant_id)s::bigint IS NULL OR file_uploads.tenant_id = %(tenant_id)s)
            AND coalesce(counted, 0) + erased_rows
                <> CASE status WHEN 'undone' THEN erased_rows ELSE succeeded_rows END
        """,
        tenant_id=scope.tenant_id,
    )
    if count:
        return fail(
            f"{count} uploads say another number than the entries they have",
            "Entries were added or deleted by SQL: undo the upload in the admin and "
            "send the file again.",
        )
    return ok("equal to a recount")


def search_index(scope: Scope) -> Finding:
    """The index by which customers are found, against the entries that are there."""
    if count := count_misindexed(tenant_id=scope.tenant_id):
        return fail(
            f"of {count} uploads it has other lines than there are entries",
            "manage.py process_uploads --rebuild-search-index makes it anew.",
        )
    waiting = uploads_to_index().filter(updated_at__lt=scope.now - _INDEXED_WITHIN)
    if scope.tenant_id is not None:
        waiting = waiting.filter(tenant=scope.tenant_id)
    if count := waiting.count():
        return warn(
            f"{count} uploads are not in it yet: their names are not found",
            "The workers of files make it when no file waits; the log says if they "
            "cannot. manage.py process_uploads does it by hand.",
        )
    return ok("has the lines of all entries")


def uploads_moving(scope: Scope) -> Finding:
    """Uploads that ought to move and do not."""
    ((still, since, failed),) = rows_of(
        """
        SELECT count(*) FILTER (WHERE is_still),
            min(updated_at) FILTER (WHERE is_still),
            count(*) FILTER (WHERE status = 'failed')
        FROM (
            SELECT status, updated_at,
                status <> 'failed' AND updated_at < %(before)s AND NOT EXISTS (
                    SELECT 1 FROM upload_parts
                    WHERE upload_id = file_uploads.id AND claimed_at >= %(before)s
                ) AS is_still
            FROM file_uploads
            WHERE (%(tenant_id)s::bigint IS NULL OR tenant_id = %(tenant_id)s)
                AND (status IN ('pending', 'processing')
                    OR (status = 'failed' AND updated_at >= %(lately)s))
        ) AS upload
        """,
        before=scope.now - STUCK_AFTER,
        lately=scope.now - timedelta(days=1),
        tenant_id=scope.tenant_id,
    )
    if still:
        return fail(
            f"{still} stand still, one for {ago((scope.now - since).total_seconds())}",
            "Are workers and beat alive (see there)? The sweep carries them on.",
        )
    if failed:
        return warn(
            f"none stands still; {failed} failed within a day",
            "Each says why on its page, where it can be retried.",
        )
    return ok("none stands still")
