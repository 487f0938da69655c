"""A mended file is read as the one whose refused rows it brings, and is part of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from customers.lenders import with_corrections
from customers.models import Customer
from uploads.choices import Choices, by_place, header_fingerprint, in_order
from uploads.layout import Layout
from uploads.models import FileUpload

Stage = FileUpload.Stage

# What makes two entries the same row, sent twice.
_CONTENT = (
    "full_name", "primary_phone", "alternate_phone", "national_id_masked", "email",
    "loan_number", "loan_amount", "outstanding_amount", "emi_amount", "due_date",
    "days_past_due", "last_contact_date", "as_of_date",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Corrected:
    """How many of an upload's refused rows came in after all, and how many did not."""

    count: int
    left: int


def count_corrected(upload: FileUpload) -> Corrected | None:
    """Count what corrected files brought of an upload's refused rows; None: no file.

    A row that came twice counts once, one that was refused again only when its own
    correction came. An undone file brought nothing.
    """
    files = with_corrections([upload.pk]).get(upload.pk, [])
    brought = dict(
        FileUpload.objects.filter(pk__in=files)
        .exclude(pk=upload.pk)
        .order_by()
        .values_list("pk", "succeeded_rows")
    )
    if not brought:
        return None
    count = max(brought.values())
    if sum(map(bool, brought.values())) > 1:
        entries = Customer.objects.filter(tenant=upload.tenant_id, upload__in=brought)
        rows = entries.order_by().values_list(*_CONTENT).distinct()
        count = max(count, rows.count())
    count = min(count, upload.failed_rows)
    return Corrected(count=count, left=upload.failed_rows - count)


def layout_of_parent(upload: FileUpload, headers: Sequence[str]) -> Layout | None:
    """Return how the corrected file was read, if it has these columns.

    None also while it is read, or waits for somebody to confirm what its columns are.
    """
    if upload.parent is None or not upload.parent.layout:
        return None
    if upload.parent.stage in (Stage.FILE_UPLOAD, Stage.CSV_PARSE):
        return None
    layout = Layout.of(upload.parent.layout)
    if header_fingerprint(layout.headers) != header_fingerprint(headers):
        return None
    return layout


def with_parents_columns(layout: Layout, parent: Layout) -> Layout:
    """Return the layout with its columns taken for what the parent's were."""
    meanings = parent.all_meanings()
    return replace(
        layout,
        meanings=by_place(layout.headers, in_order(parent.headers, meanings)),
        date_orders=parent.loaded_orders,
        told_dates=None,
        units=parent.units,
        confirmed=True,
        money_styles=parent.money_styles,
    )


def with_parents_writing(upload: FileUpload, layout: Layout) -> Layout:
    """Return the layout with its cells written as in the corrected file.

    A few refused rows say nothing about a column. Worse, a date in the wrong order is
    among them because it was refused, and would turn round all the others.
    """
    parent = layout_of_parent(upload, layout.headers)
    if parent is None or Choices.of(upload.choices).are_about(layout):
        return layout
    told = parent.loaded_orders
    return replace(
        layout,
        date_orders=layout.date_orders | told,
        told_dates=tuple({**layout.told_orders, **told}),
        money_styles=layout.money_styles | parent.money_styles,
        open_dates=tuple(n for n in layout.open_dates if n not in told),
        twelve_digit_loans=parent.twelve_digit_loans,
    )
