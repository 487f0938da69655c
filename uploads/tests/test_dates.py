from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.dates import DateEvidence, DateOrder, read_date
from uploads.refusals import Refused


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-11-15", "2024-11-15"),
        ("2024/11/5", "2024-11-05"),
        ("15/11/2024", "2024-11-15"),
        ("15-11-2024", "2024-11-15"),
        ("15.11.2024", "2024-11-15"),
        ("5/1/24", "2024-01-05"),
        ("15-Nov-24", "2024-11-15"),
        ("15-NOV-2024", "2024-11-15"),
        ("15 November 2024", "2024-11-15"),
        ("15th Nov 2024", "2024-11-15"),
        ("Nov 15, 2024", "2024-11-15"),
        ("15/Nov/2024", "2024-11-15"),
        ("45611", "2024-11-15"),
        ("45611.0", "2024-11-15"),
        ("45351", "2024-02-29"),
        ("2024-11-15 00:00:00", "2024-11-15"),
        ("2024-11-16T10:30:00", "2024-11-16"),
        ("2024-11-16T10:30:00+05:30", "2024-11-16"),
        ("17/11/2024 10:30", "2024-11-17"),
        ("17/11/2024 10:30 PM", "2024-11-17"),
        ("'15/11/2024", "2024-11-15"),
        ("१५/११/२०२४", "2024-11-15"),
    ],
)
def test_a_date_is_read_as_lenders_write_it(text: str, day: str) -> None:
    assert read_date(text, DateOrder.DAY_FIRST) == day


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("yesterday", "date_unknown"),
        ("2024-11", "date_unknown"),
        ("20241115", "date_unknown"),
        ("15112024", "date_unknown"),
        ("12/2024", "date_unknown"),
        ("15-Foo-24", "date_unknown"),
        ("15/11-2024", "date_unknown"),
        ("31-Feb-24", "date_impossible"),
        ("2024-13-01", "date_impossible"),
        ("2024-02-30", "date_impossible"),
        ("99/99/9999", "date_impossible"),
        ("15/13/2024", "date_impossible"),
        ("00/00/0000", "date_impossible"),
        ("01/01/1724", "date_year"),
    ],
)
def test_what_is_no_date_is_refused(text: str, code: str) -> None:
    refused = read_date(text, DateOrder.DAY_FIRST)

    assert isinstance(refused, Refused)
    assert refused.code == code


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["03/04/2024", "25/12/2024"], DateOrder.DAY_FIRST),
        (["03/04/2024", "12/25/2024"], DateOrder.MONTH_FIRST),
        (["03/04/2024", "05/06/2024"], DateOrder.DAY_FIRST),
        (["2024-04-03", "15-Nov-24", "45611"], DateOrder.DAY_FIRST),
        (["25/12/2024", "12/25/2024"], DateOrder.BOTH),
        ([f"{day}/12/2024" for day in range(13, 33)] + ["12/25/2024"], DateOrder.BOTH),
        (
            [f"{d}/{m}/2024" for d in range(13, 32) for m in (1, 3)] + ["12/25/2024"],
            DateOrder.DAY_FIRST,
        ),
        (["15/13/2024", "99/99/9999"], DateOrder.DAY_FIRST),
    ],
)
def test_the_whole_column_decides_the_order(cells: list[str], order: DateOrder) -> None:
    evidence = DateEvidence()

    evidence.look_at(cells)

    assert evidence.settle() is order


def test_the_order_of_the_column_reads_the_date() -> None:
    assert read_date("03/04/2024", DateOrder.DAY_FIRST) == "2024-04-03"
    assert read_date("03/04/2024", DateOrder.MONTH_FIRST) == "2024-03-04"
    assert read_date("25/12/2024", DateOrder.BOTH) == "2024-12-25"
    assert read_date("12/25/2024", DateOrder.BOTH) == "2024-12-25"
    assert isinstance(read_date("03/04/2024", DateOrder.BOTH), Refused)
    assert isinstance(read_date("25/12/2024", DateOrder.MONTH_FIRST), Refused)


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)), st.sampled_from("/-."))
def test_every_day_is_read_back(day: date, mark: str) -> None:
    written = day.strftime(f"%d{mark}%m{mark}%Y")

    assert read_date(written, DateOrder.DAY_FIRST) == day.isoformat()
    assert read_date(day.isoformat(), DateOrder.MONTH_FIRST) == day.isoformat()


@given(st.text(alphabet="0123456789/-. :TZNovJan", max_size=20))
def test_any_text_is_a_day_or_refused(text: str) -> None:
    read = read_date(text, DateOrder.DAY_FIRST)

    if isinstance(read, str):
        assert date.fromisoformat(read).year in range(1900, 2101)
