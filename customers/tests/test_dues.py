from datetime import date

import pytest

from customers.dues import as_of_text, due_sentences

NOVEMBER = date(2026, 11, 1)
TODAY = date(2026, 11, 29)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (NOVEMBER, "as of 1 Nov 2026, 28 days ago"),
        (date(2026, 11, 28), "as of 28 Nov 2026, 1 day ago"),
        (TODAY, "as of 29 Nov 2026, today"),
        (date(2026, 12, 1), "as of 1 Dec 2026, in 2 days"),
        (date(2020, 1, 1), "as of 1 Jan 2020, 2,524 days ago"),
    ],
)
def test_a_day_is_told_with_its_distance(day: date, said: str) -> None:
    assert as_of_text(day, today=TODAY) == said


PASSED = (
    "The due date has passed since, 24 days ago. Whether it was paid, this file cannot "
    "know."
)


@pytest.mark.parametrize(
    ("due", "late", "said"),
    [
        pytest.param(None, None, [], id="nothing known"),
        pytest.param(date(2026, 12, 5), None, ["due 5 Dec 2026"], id="due later"),
        pytest.param(
            date(2026, 5, 10), None,
            [
                "due 10 May 2026, 175 days before that day. Whether it was paid, this "
                "file does not say."
            ],
            id="passed before, no days told",
        ),
        pytest.param(
            date(2026, 12, 5), 0, ["not past due on that day", "due 5 Dec 2026"],
            id="on time",
        ),
        pytest.param(
            date(2026, 11, 5), 0,
            ["not past due on that day", "due 5 Nov 2026", PASSED],
            id="passed since",
        ),
        pytest.param(
            date(2026, 9, 20), 42,
            ["42 days past due on that day", "past due since 20 Sep 2026"],
            id="both agree",
        ),
        pytest.param(
            date(2026, 9, 19), 42,
            ["42 days past due on that day", "past due since 20 Sep 2026"],
            id="counted from the day after",
        ),
        pytest.param(
            None, 1, ["1 day past due on that day", "past due since 31 Oct 2026"],
            id="no due date",
        ),
        pytest.param(
            date(2026, 11, 5), 42,
            [
                "42 days past due on that day",
                "The file contradicts itself: 42 days past due means since "
                "20 Sep 2026, but its due date is 5 Nov 2026.",
                PASSED,
            ],
            id="both contradict each other",
        ),
        pytest.param(
            date(2026, 10, 5), 0,
            [
                "not past due on that day",
                "The file contradicts itself: its due date, 5 Oct 2026, had passed by "
                "then.",
            ],
            id="on time though late",
        ),
        pytest.param(
            None, 2_000_000_000, ["2,000,000,000 days past due on that day"],
            id="before there were years",
        ),
    ],
)  # fmt: skip
def test_what_is_said_of_a_due_date(
    due: date | None, late: int | None, said: list[str]
) -> None:
    sentences = due_sentences(
        due_date=due, days_past_due=late, day=NOVEMBER, today=TODAY
    )

    assert list(map(str, sentences)) == said


def test_nobody_is_past_due_since_a_day_to_come() -> None:
    sentences = due_sentences(
        due_date=None, days_past_due=5, day=date(2026, 12, 15), today=TODAY
    )

    assert list(map(str, sentences)) == ["5 days past due on that day"]
