from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DataError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from contacts.arrays import array
from contacts.cursors import bulk_cursor

# What PostgreSQL's text can hold: no NUL, no half of a surrogate pair.
texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"))
texts |= st.sampled_from(
    ["", "NULL", '"', "\\", '\\"', '","', "{}", "a,b", " ", "%s", "'"]
)
# Microseconds from a day in antiquity to one far off.
moments = st.integers(0, 10**17).map(
    lambda since: datetime(1, 1, 2, tzinfo=UTC) + timedelta(microseconds=since)
)


def elements(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, max_size=8) | st.lists(st.none() | of, max_size=8)


def through_postgresql(values: list[Any], kind: str) -> list[Any]:
    statement = sql.SQL(
        "SELECT value FROM unnest(%s::{}[])"
        " WITH ORDINALITY AS each (value, place) ORDER BY place"
    ).format(sql.Identifier(kind))
    with bulk_cursor() as cursor:
        cursor.execute(statement, [array(values)])
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", elements(texts)),
        ("int8", elements(st.integers(-(2**63), 2**63 - 1))),
        ("timestamptz", elements(moments)),
    ],
)
def test_a_column_comes_back_from_postgresql_as_it_was_sent(kind, values):
    @given(values)
    @settings(
        max_examples=150,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    def holds(column: list[Any]) -> None:
        assert through_postgresql(column, kind) == column

    holds()


@pytest.mark.django_db
def test_a_text_that_cannot_be_kept_never_becomes_two():
    with pytest.raises((DataError, ValueError)), transaction.atomic():
        through_postgresql(["a\0b", "c"], "text")
