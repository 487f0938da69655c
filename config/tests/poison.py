"""Texts that have broken pages, and rows that hold them."""

import base64
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from django.contrib.postgres.fields import ArrayField
from django.db import DatabaseError, models, transaction

# As they stand in an address: percent-encoded.
QUERY = [
    quote(text)
    for text in (
        "\0", "a\0b", "9" * 5000, "9" * 19, "9223372036854775808", "2147483648", "-1",
        "+1", "1.5", "1e5", "NaN", "Infinity", "١", "²", " ", "\n\r", "%", "_5F", "'",
        "\\", "..", "../../etc/passwd", "[]", "{}", "x" * 100_000, "9 " * 5000,
        "\U0010ffff", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
        "0000-00-00", "9999", "True", "null", "-1.-2.99",
        "00000000-0000-0000-0000-000000000000", "http://[", "//evil.example",
        "a=1&b=\0", "status__exact=\0",
    )
] + ["%FF%FE", "%ED%A0%80", "%", "%zz"]  # fmt: skip
# As parts of a path; a slash would make another address of it.
PATH = [
    one
    for one in QUERY
    if len(one) < 20_000 and "/" not in one and one not in ("..", "%", "%zz")
]


def cursors() -> list[str]:
    """Return cursors of ours that mean no place."""
    places: list[Any] = [
        ["0001-01-01T00:00:00+23:59", "1"],
        ["9999-12-31T23:59:59-23:59", "1"],
        ["2026-11-22T09:00:00", "1"],
        ["2026-11-22T09:00:00+00:00", "9" * 5000],
        ["2026-11-22T09:00:00+00:00", "9" * 30],
        ["\0", "\0"], ["\ud800", "1"], ["1", "2", "00000000-0000-0000-0000-0000000"],
        ["9" * 30, "9" * 30, "00000000-0000-0000-0000-000000000000"],
        ["9" * 30, "9" * 30], ["9" * 30], ["-1"], ["NaN"], [], {}, None, 1, "a",
        [[1]], [None],
    ]  # fmt: skip
    texts = [json.dumps(place) for place in places]
    texts += ["[" * 100_000, "NaN", "9" * 5000, "\xff"]
    coded = [base64.urlsafe_b64encode(text.encode()).decode() for text in texts]
    return [one.rstrip("=") for one in coded] + ["!", "a", "%E2%98%83", "AAAA"]


# As they are typed into a form.
FORM = [
    "\0", "a\0b", "9" * 5000, "9223372036854775808", "-1", "١", "²", "NaN", "\ufffd",
    "x" * 100_000, "0001-01-01T00:00:00+23:59", "9999-12-31", "[]", "\n", "\U0010ffff",
]  # fmt: skip

# What no form and no file can set: a zone is chosen from a list.
_CHECKED = {"timezone", "keep_files_days", "keep_issues_days", "keep_media_days"}
# JSON that our own code writes and reads as it wrote it.
_OURS = ("layout", "mapping", "choices")
_LAST = datetime(9999, 12, 30, tzinfo=UTC)
_FIRST = datetime(1, 1, 2, tzinfo=UTC)
_NAME = "<b>&\u202e{{ x }}%s\U0001f4a3 " * 400  # 10,000 characters


def _values(field: Any) -> list[Any]:
    """Return values at the limits of what a column takes."""
    match field:
        case models.DateTimeField():
            return [_LAST, _FIRST]
        case models.DateField():
            return [date.max, date.min]
        case models.DecimalField():
            most = Decimal(10) ** (field.max_digits - field.decimal_places) - 1
            return [most, -most]
        case models.BigIntegerField():
            return [2**63 - 1, -(2**63)]
        case models.SmallIntegerField():
            return [2**15 - 1, -(2**15)]
        case models.IntegerField():
            return [2**31 - 1, -(2**31)]
        case models.JSONField():  # of the shape that we write
            if field.get_default() == []:
                return [[], [_NAME] * 20]
            return [{}, {_NAME: [_NAME, None, 1e308, 10**400, True, [[[[1]]]]]}]
        case ArrayField():
            return [[_NAME] * 20]
        case models.CharField() | models.TextField():
            return [_NAME[: field.max_length]]
    return []


def possible_values(row: models.Model) -> dict[str, list[Any]]:
    """Return what may stand in each of its columns by what the database lets in."""
    found: dict[str, list[Any]] = {}
    for field in row._meta.concrete_fields:
        is_free = field.name not in (*_CHECKED, *_OURS) and not field.is_relation
        if is_free and not field.primary_key:
            before = getattr(row, field.attname)
            found[field.attname] = [
                value for value in _values(field) if put(row, {field.attname: value})
            ]
            put(row, {field.attname: before})
    return {name: values for name, values in found.items() if values}


def put(row: models.Model, values: dict[str, Any]) -> bool:
    """Write into a row past every form; tell whether its constraints allow it."""
    rows = type(row)._base_manager.filter(pk=row.pk)
    try:
        with transaction.atomic():
            rows.update(**values)
    except (DatabaseError, OverflowError):
        return False
    return True
