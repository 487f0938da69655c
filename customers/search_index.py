"""By what words, last digits and parts of numbers the entries of an upload are found.

One inverted index for each upload, made when the upload has ended: an index of the
whole table would cost every load a quarter of its speed and more. It goes with the
upload's entries; docs/decisions.md has the reasons and the figures.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from customers.entry_terms import EntryTexts, lines_by_term, phone_term
from customers.models import Customer, SearchIndex, SearchTerm

# The app of uploads stands above this one and is not imported.
_FileUpload: Any = Customer._meta.get_field("upload").related_model

# So many lines at a time: a second's work, and 30 MB.
_LINES_AT_ONCE = 50_000
_ENDED = ("completed", "failed", "cancelled")
_TEXTS = (
    "row_number", "full_name", "primary_phone", "alternate_phone", "loan_number",
)  # fmt: skip

_COPY = (
    f"COPY {SearchTerm._meta.db_table}"
    " (tenant_id, upload_id, first_line, term, row_numbers) FROM STDIN"
)
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_COUNT_MISINDEXED = """
SELECT count(DISTINCT upload_id) FROM (
    SELECT DISTINCT upload_id, unnest(row_numbers) AS row_number, true AS is_indexed
    FROM customer_search_terms
    WHERE term >= 'p' AND term < 'q'
        AND (%(tenant)s::bigint IS NULL OR tenant_id = %(tenant)s)
) AS indexed
FULL JOIN (
    SELECT upload_id, row_number, completed_at IS NOT NULL AS is_whole
    FROM customers JOIN customer_search_indexes USING (upload_id)
    WHERE %(tenant)s::bigint IS NULL OR customers.tenant_id = %(tenant)s
) AS entry USING (upload_id, row_number)
WHERE is_whole IS NULL OR (is_whole AND is_indexed IS NULL)
"""
_REMOVE_EMPTIED = """
DELETE FROM customer_search_terms
WHERE tenant_id = %(tenant)s AND upload_id = %(upload)s
    AND (%(terms)s::text[] IS NULL OR term = ANY(%(terms)s::text[]))
    AND row_numbers <@ %(lines)s::int[]
"""
_REMOVE_LINES = """
UPDATE customer_search_terms SET row_numbers = ARRAY(
    SELECT line FROM unnest(row_numbers) WITH ORDINALITY AS at (line, place)
    WHERE line <> ALL (%(lines)s::int[]) ORDER BY place
)
WHERE tenant_id = %(tenant)s AND upload_id = %(upload)s
    AND (%(terms)s::text[] IS NULL OR term = ANY(%(terms)s::text[]))
    AND row_numbers && %(lines)s::int[]
"""


def uploads_not_indexed(
    *, tenant_ids: Collection[int] | None = None
) -> "QuerySet[Any]":
    """Return the uploads with entries that are not all in the index yet."""
    uploads = _FileUpload.objects.filter(succeeded_rows__gt=0).exclude(status="undone")
    if tenant_ids is not None:
        uploads = uploads.filter(tenant__in=tenant_ids)
    whole = SearchIndex.objects.filter(
        upload=OuterRef("pk"),
        completed_at__isnull=False,
        row_count=OuterRef("succeeded_rows"),
    )
    waiting: QuerySet[Any] = uploads.filter(~Exists(whole))
    return waiting


def uploads_to_index() -> "QuerySet[Any]":
    """Return the uploads that have ended and wait for their index."""
    return uploads_not_indexed().filter(status__in=_ENDED)


@transaction.atomic
def index_next_lines(*, now: datetime, upload_id: int | None = None) -> bool:
    """Put some more lines of an upload that has ended into its index, the newest first.

    False when there are none, or others are at all of them. May be killed at any
    moment, and run by several side by side.
    """
    waiting = uploads_to_index()
    if upload_id is not None:
        waiting = waiting.filter(pk=upload_id)
    # Who undoes the upload or erases one of its people waits for this; or is first,
    # and then nothing of it is found here.
    upload = (
        waiting.select_for_update(no_key=True, skip_locked=True, of=("self",))
        .order_by("-pk")
        .only("pk", "tenant_id", "succeeded_rows")
        .first()
    )
    if upload is None:
        return False
    index, _ = SearchIndex.objects.get_or_create(
        upload_id=upload.pk,
        defaults={"tenant_id": upload.tenant_id, "row_count": upload.succeeded_rows},
    )
    if index.row_count != upload.succeeded_rows:  # it was tried again meanwhile
        remove_index(tenant_id=upload.tenant_id, upload_id=upload.pk)
        index = SearchIndex.objects.create(
            upload_id=upload.pk,
            tenant_id=upload.tenant_id,
            row_count=upload.succeeded_rows,
        )
    if index.completed_at is None:  # else somebody ended it between two queries
        _index_lines_after(index, now=now)
    return True


def remove_index(*, tenant_id: int, upload_id: int) -> None:
    """Forget the index of an upload, whose row the caller has locked."""
    SearchTerm.objects.filter(tenant=tenant_id, upload=upload_id).delete()
    SearchIndex.objects.filter(upload=upload_id).delete()


def remove_indexes(*, tenant_id: int | None = None) -> int:
    """Forget every index, so that all are made again; return of how many uploads."""
    uploads = _FileUpload.objects.order_by("pk")
    if tenant_id is not None:
        uploads = uploads.filter(tenant=tenant_id)
    count = 0
    for upload_id, owner in uploads.values_list("pk", "tenant_id"):
        with transaction.atomic():
            locked = _FileUpload.objects.select_for_update(no_key=True)
            locked.filter(pk=upload_id).first()
            remove_index(tenant_id=owner, upload_id=upload_id)
        count += 1
    return count


def count_misindexed(*, tenant_id: int | None = None) -> int:
    """Return of how many uploads the index has other lines than there are entries.

    Compared are the lines under ends of phones, as every entry has a phone. An index
    that is not whole yet may lack some.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_MISINDEXED, {"tenant": tenant_id})
        (count,) = cursor.fetchone()
    return int(count)


def forget_lines(*, tenant_id: int, upload_id: int, lines: Collection[int]) -> None:
    """Remove lines from every term of an upload, whose row the caller has locked."""
    _remove(tenant_id, upload_id, lines, terms=None)


def forget_alternate_phones(
    *, tenant_id: int, entries: Iterable[tuple[int, int, str, str]]
) -> None:
    """Remove alternate phones, given as (upload, line, alternate, primary phone)."""
    for upload_id, line, alternate, primary in entries:
        if (term := phone_term(alternate)) != phone_term(primary):
            _remove(tenant_id, upload_id, [line], terms=[term])


def _remove(
    tenant_id: int, upload_id: int, lines: Collection[int], terms: list[str] | None
) -> None:
    values: dict[str, Any] = {
        "tenant": tenant_id,
        "upload": upload_id,
        "lines": list(lines),
        "terms": terms,
    }
    with connection.cursor() as cursor:
        cursor.execute(_REMOVE_EMPTIED, values)
        cursor.execute(_REMOVE_LINES, values)


def _index_lines_after(index: SearchIndex, *, now: datetime) -> None:
    entries = Customer.objects.filter(tenant=index.tenant_id, upload=index.upload_id)
    following = entries.filter(row_number__gt=index.lines_done).order_by("row_number")
    first = following.values_list("row_number", flat=True).first()
    if first is None:
        index.completed_at = now
    else:
        # By lines and not by a count of rows: no line is cut in two.
        last = first + _LINES_AT_ONCE - 1
        texts = following.filter(row_number__lte=last).values_list(*_TEXTS)
        _write(index, first, list(texts))
        index.lines_done = last
        if not entries.filter(row_number__gt=last).exists():
            index.completed_at = now
    index.save(update_fields=["lines_done", "completed_at"])


def _write(index: SearchIndex, first_line: int, entries: Sequence[EntryTexts]) -> None:
    begins = f"{index.tenant_id}\t{index.upload_id}\t{first_line}\t"
    found = lines_by_term(entries)
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        # In the order of the key, which then grows at its end.
        for term in sorted(found):
            lines = ",".join(map(str, found[term]))
            copy.write(f"{begins}{term.translate(_ESCAPES)}\t{{{lines}}}\n".encode())
