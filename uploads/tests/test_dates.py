from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.dates import DateEvidence, DateOrder, read_date
from uploads.refusals import Refused

INDIA = ZoneInfo("Asia/Kolkata")


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
    assert read_date(text, DateOrder.DAY_FIRST, INDIA) == day


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
    refused = read_date(text, DateOrder.DAY_FIRST, INDIA)

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
    assert read_date("03/04/2024", DateOrder.DAY_FIRST, INDIA) == "2024-04-03"
    assert read_date("03/04/2024", DateOrder.MONTH_FIRST, INDIA) == "2024-03-04"
    assert read_date("25/12/2024", DateOrder.BOTH, INDIA) == "2024-12-25"
    assert read_date("12/25/2024", DateOrder.BOTH, INDIA) == "2024-12-25"
    assert isinstance(read_date("03/04/2024", DateOrder.BOTH, INDIA), Refused)
    assert isinstance(read_date("25/12/2024", DateOrder.MONTH_FIRST, INDIA), Refused)


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)), st.sampled_from("/-."))
def test_every_day_is_read_back(day: date, mark: str) -> None:
    written = day.strftime(f"%d{mark}%m{mark}%Y")

    assert read_date(written, DateOrder.DAY_FIRST, INDIA) == day.isoformat()
    assert read_date(day.isoformat(), DateOrder.MONTH_FIRST, INDIA) == day.isoformat()


@given(st.text(alphabet="0123456789/-. :TZNovJan", max_size=20))
def test_any_text_is_a_day_or_refused(text: str) -> None:
    read = read_date(text, DateOrder.DAY_FIRST, INDIA)

    if isinstance(read, str):
        assert date.fromisoformat(read).year in range(1900, 2101)


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-04T18:30:00.000Z",
        "2026-10-04T18:30Z",
        "2026-10-04t18:30:00z",
        "2026-10-04 18:30:00+00",
        "2026-10-04 18:30:00.123456+00",
        "2026-10-04 18:30:00+00:00",
        "2026-10-04 18:30:00 +0000 UTC",
        "2026-10-04 18:30:00 UTC",
        "2026-10-04T18:30:00,000Z",
        "2026-10-04T18:30:00.000+0000",
        "2026-10-05T00:00:00+0530",
        "2026-10-05T00:00:00+05:30[Asia/Kolkata]",
        "2026-10-05 00:00 IST",
        "2026-10-04T13:30:00-05:00",
        "2026-10-04T13:30:00\u221205:00",
        "2026-10-04 13:30 -05",
        "04/10/2026 18:30 UTC",
        "4/10/2026, 6:30:00 PM UTC",
        "4/10/2026 06:30 pm GMT",
        "5-Oct-26 00:00 GMT+5:30",
        "Oct 4, 2026 6:30 PM Z",
        "'2026-10-04T18:30:00Z",
        '="2026-10-04T18:30:00Z"',
        "२०२६-१०-०४T१८:३०:००Z",
    ],
)
def test_a_moment_with_a_zone_falls_on_its_day_in_the_tenants(text: str) -> None:
    assert read_date(text, DateOrder.DAY_FIRST, INDIA) == "2026-10-05"


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-05",
        "2026-10-05T00:00:00",
        "2026-10-05 23:59:59",
        "05/10/2026 11:59 PM",
        "5/10/2026, 11:59:59 pm",
    ],
)
@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York"])
def test_a_moment_without_a_zone_falls_on_the_day_it_names(
    text: str, zone: str
) -> None:
    assert read_date(text, DateOrder.DAY_FIRST, ZoneInfo(zone)) == "2026-10-05"


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Asia/Kolkata", "2026-10-05"),
        ("Asia/Dubai", "2026-10-04"),
        ("America/New_York", "2026-10-04"),
        ("Pacific/Kiritimati", "2026-10-05"),
    ],
)
def test_the_same_moment_is_another_day_elsewhere(zone: str, day: str) -> None:
    moment = "2026-10-04T18:30:00Z"

    assert read_date(moment, DateOrder.DAY_FIRST, ZoneInfo(zone)) == day


@pytest.mark.parametrize(
    "text",
    ["2026-10-04 25:30Z", "2026-10-04 18:61Z", "2026-10-04T18:30+99:00",
     "2026-10-04T18:30+05:75"],
)  # fmt: skip
def test_a_time_of_no_day_is_refused_where_it_decides_the_day(text: str) -> None:
    refused = read_date(text, DateOrder.DAY_FIRST, INDIA)

    assert isinstance(refused, Refused)
    assert refused.code == "date_time"


@pytest.mark.parametrize(
    "text", ["2100-12-31T23:00Z", "2026-02-30T18:30Z", "soonT1:30Z"]
)
def test_a_moment_outside_the_calendar_is_refused(text: str) -> None:
    assert isinstance(read_date(text, DateOrder.DAY_FIRST, INDIA), Refused)
