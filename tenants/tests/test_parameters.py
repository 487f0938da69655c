"""Parameters of addresses, by type."""

from datetime import UTC, datetime

import pytest
from rest_framework.exceptions import ParseError

from tenants.parameters import (
    count_parameter,
    moment_parameter,
    row_id_parameter,
    text_parameter,
)

MORNING = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22T09:00:00Z", MORNING),
        ("2026-11-22T14:30:00+05:30", MORNING),
        ("2026-11-22T14:30:00 05:30", MORNING),
        ("2026-11-22T14:30:00 0530", MORNING),
        ("0001-01-01T00:00:00-23:59", datetime(1, 1, 1, 23, 59, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_with_its_offset(text: str, moment: datetime) -> None:
    read = moment_parameter("since", text)

    assert read == moment
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "2026-11-22", "2026-11-22T09:00:00", "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59", "2026-02-30T00:00:00Z", "10000-01-01T00:00:00Z",
        "\0", "9" * 5000, "\ud800", "2026-11-22T09:00:00+24:00",
    ],
    ids=ascii,
)  # fmt: skip
def test_what_is_no_moment_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(ParseError, match="since: write it as"):
        moment_parameter("since", text)


@pytest.mark.parametrize(
    ("text", "count"), [("1", 1), ("007", 7), ("200", 200), ("9" * 5000, 200)]
)
def test_a_count_is_at_most_what_there_is(text: str, count: int) -> None:
    assert count_parameter("limit", text, most=200) == count


@pytest.mark.parametrize("text", ["", "0", "000", "-1", "+1", "1.5", "²", "٣", " 1"])
def test_what_is_no_count_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(ParseError, match="limit: a number from 1 to 200"):
        count_parameter("limit", text, most=200)


def test_an_id_beyond_all_rows_is_that_of_none() -> None:
    what = "the number of an upload"

    assert row_id_parameter("upload", "12", what=what) == 12
    assert row_id_parameter("upload", "9" * 5000, what=what) is None
    for text in ("", "-1", "+1", "²", "x", "\0"):
        with pytest.raises(ParseError, match="upload: the number of an upload"):
            row_id_parameter("upload", text, what=what)


def test_a_text_with_a_nul_is_one_that_nothing_has() -> None:
    assert text_parameter("LN\0") == "LN\ufffd"
