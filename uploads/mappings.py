"""What a tenant's columns mean, as somebody confirmed it, remembered by the header."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser

from tenants.models import ApiClient
from uploads.acts import client_id, person_id
from uploads.choices import Choices, by_place, header_fingerprint, in_order
from uploads.columns import propose_meanings
from uploads.corrections import layout_of_parent, with_parents_columns
from uploads.dates import DateOrder
from uploads.layout import MONEY_FIELDS, Layout
from uploads.models import ColumnMapping, FileUpload
from uploads.units import MoneyUnit, find_unit

# Then it may be left to somebody which column is the name.
LOOKED_AT = frozenset([FileUpload.Review.WHEN_NEW, FileUpload.Review.ALWAYS])
_NOT_LOOKED_AT = frozenset([FileUpload.Review.NEVER, FileUpload.Review.ON_RETRY])


def find_mapping(
    *, tenant_id: int, headers: Sequence[str], title_unit: MoneyUnit | None = None
) -> ColumnMapping | None:
    """Return what the tenant confirmed for files of exactly this header.

    Not what was confirmed before units were asked for, where the header of an amount
    names one: nobody said that it is rupees. Nor what was confirmed below another
    title: `title_unit` is that of this file.
    """
    mapping = (
        ColumnMapping.objects.select_related("confirmed_by", "confirmed_by_client")
        .filter(tenant_id=tenant_id, header_fingerprint=header_fingerprint(headers))
        .first()
    )
    return mapping if mapping and _says_units(mapping, title_unit) else None


def _says_units(mapping: ColumnMapping, title_unit: MoneyUnit | None) -> bool:
    meanings = by_place(mapping.headers, mapping.mapping)
    for place, name in meanings.items():
        if name not in MONEY_FIELDS:
            continue
        unit = mapping.units.get(name)
        if find_unit(mapping.headers[place]):
            is_said = unit is not None
        elif title_unit:
            is_said = unit in (title_unit, MoneyUnit.RUPEES)
        else:  # else it was confirmed below a title
            is_said = unit in (None, MoneyUnit.RUPEES)
        if not is_said:
            return False
    return True


def remember_mapping(
    *,
    tenant_id: int,
    layout: Layout,
    confirmed_by: AbstractBaseUser | ApiClient,
    now: datetime,
) -> ColumnMapping:
    """Remember what the columns of a layout mean; the last word on a header counts."""
    meanings = layout.all_meanings()
    mapping, _ = ColumnMapping.objects.update_or_create(
        tenant_id=tenant_id,
        header_fingerprint=header_fingerprint(layout.headers),
        defaults={
            "headers": list(layout.headers),
            "mapping": in_order(layout.headers, meanings),
            "date_orders": {
                name: order
                for name, order in layout.loaded_orders.items()
                if order is not DateOrder.BOTH
            },
            "to_be_confirmed": False,
            "units": {
                name: layout.units.get(name, MoneyUnit.RUPEES)
                for place, name in meanings.items()
                if name in layout.units
                or (
                    name in MONEY_FIELDS
                    and (find_unit(layout.headers[place]) or layout.title_unit)
                )
            },
            "confirmed_by_id": person_id(confirmed_by),
            "confirmed_by_client_id": client_id(confirmed_by),
            "updated_at": now,
        },
    )
    return mapping


def doubt_mapping_of(upload: FileUpload) -> None:
    """Have the next file of an upload's header looked at, since it was undone.

    Not where the columns were confirmed again after it had started.
    """
    if upload.layout:
        ColumnMapping.objects.filter(
            tenant_id=upload.tenant_id,
            header_fingerprint=header_fingerprint(upload.layout["headers"]),
            updated_at__lte=upload.started_at,
        ).update(to_be_confirmed=True)


def forget_mapping(*, mapping: ColumnMapping) -> None:
    """Have the next file of this header looked at; loaded ones stay as they are."""
    mapping.delete()


def deciding_for(upload: FileUpload) -> Callable[[Layout], Layout]:
    """Return what says which columns of the upload's file are what.

    The upload's own choices, else what the columns of the file were that it corrects,
    else what its tenant confirmed for this header; else, where somebody looks before a
    row is written, names and guesses; else sure names.
    """
    choices = Choices.of(upload.choices)

    def decide(layout: Layout) -> Layout:
        if choices.are_about(layout):
            return choices.applied_to(layout)
        parent = layout_of_parent(upload, layout.headers)
        if parent is not None:
            return with_parents_columns(layout, parent)
        mapping = find_mapping(
            tenant_id=upload.tenant_id,
            headers=layout.headers,
            title_unit=layout.title_unit,
        )
        if mapping and mapping.to_be_confirmed and upload.review in _NOT_LOOKED_AT:
            mapping = None
        if mapping is not None:
            return replace(
                layout,
                meanings=by_place(layout.headers, mapping.mapping),
                date_orders={
                    name: DateOrder(order)
                    for name, order in mapping.date_orders.items()
                },
                told_dates=None,
                units={
                    name: MoneyUnit(unit)
                    for name, unit in mapping.units.items()
                    if unit != MoneyUnit.RUPEES
                },
                confirmed=True,
            )
        if upload.review == FileUpload.Review.NEVER:
            return layout
        return replace(
            layout,
            meanings=propose_meanings(
                layout.headers, amounts_are_sure=layout.title_unit is None
            ),
        )

    return decide


def is_to_be_reviewed(upload: FileUpload, layout: Layout) -> bool:
    """Tell whether an upload waits for somebody's word before a row is written."""
    if upload.review == FileUpload.Review.WHEN_NEW:
        if layout.held_for or layout.undecided_dates:
            return True
        if layout_of_parent(upload, layout.headers) is not None:
            return False
        known = find_mapping(
            tenant_id=upload.tenant_id,
            headers=layout.headers,
            title_unit=layout.title_unit,
        )
        return known is None or known.to_be_confirmed
    return upload.review == FileUpload.Review.ALWAYS
