"""A mended file is read as the one whose refused rows it brings."""

from collections.abc import Sequence
from dataclasses import replace

from uploads.choices import Choices, by_place, header_fingerprint, in_order
from uploads.layout import Layout
from uploads.models import FileUpload


def layout_of_parent(upload: FileUpload, headers: Sequence[str]) -> Layout | None:
    """Return how the corrected file was read, if it has these columns."""
    if upload.parent is None or not upload.parent.layout:
        return None
    layout = Layout.of(upload.parent.layout)
    if header_fingerprint(layout.headers) != header_fingerprint(headers):
        return None
    return layout


def with_parents_columns(layout: Layout, parent: Layout) -> Layout:
    """Return the layout with its columns taken for what the parent's were."""
    meanings = {place: name for name, place in parent.columns().fields.items()}
    return replace(
        layout,
        meanings=by_place(layout.headers, in_order(parent.headers, meanings)),
        date_orders=parent.date_orders,
    )


def with_parents_writing(upload: FileUpload, layout: Layout) -> Layout:
    """Return the layout with its cells written as in the corrected file.

    A few refused rows say nothing about a column. Worse, a date in the wrong order is
    among them because it was refused, and would turn round all the others.
    """
    parent = layout_of_parent(upload, layout.headers)
    if parent is None or Choices.of(upload.choices).are_about(layout):
        return layout
    return replace(
        layout,
        date_orders=layout.date_orders | parent.date_orders,
        money_styles=layout.money_styles | parent.money_styles,
        open_dates=(),
        twelve_digit_loans=parent.twelve_digit_loans,
    )
