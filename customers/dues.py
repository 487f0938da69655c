"""What may be said of figures that were true on a day: since when, and what has passed
since. Pure.

A file says what was so on its day. A reader who takes it for today's tells somebody who
is late that he is on time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.formats import date_format

# Some lenders count the due date itself as the first day, some do not.
_TOLERANCE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DueSentence:
    """A sentence, and whether it is bad news or a contradiction."""

    text: str
    is_bad: bool = False

    def __str__(self) -> str:
        return self.text


def day_text(day: date) -> str:
    return date_format(day, "j M Y")


def as_of_text(day: date, *, today: date) -> str:
    """Return "as of 1 Nov 2026, 28 days ago"."""
    return f"as of {day_text(day)}, {_distance(day, today)}"


def due_sentences(
    *, due_date: date | None, days_past_due: int | None, day: date, today: date
) -> list[DueSentence]:
    """Say how late a loan was on the day of its file, and what has passed since.

    "Past due since" is that day minus the days past due. Where the due date says
    otherwise, both stand there and the contradiction is named.
    """
    return [
        *_on_the_day(due_date, days_past_due, day, today),
        *_since_then(due_date, day, today),
    ]


def _on_the_day(
    due: date | None, days: int | None, day: date, today: date
) -> Iterator[DueSentence]:
    if days is None:
        if due is not None and due < day:
            yield DueSentence(
                f"due {day_text(due)}, {_days((day - due).days)} before that day. "
                "Whether it was paid, this file does not say.",
                is_bad=True,
            )
        elif due is not None:
            yield DueSentence(f"due {day_text(due)}")
        return
    if days <= 0:
        yield DueSentence("not past due on that day")
        if due is not None and due < day - _TOLERANCE:
            yield DueSentence(
                f"The file contradicts itself: its due date, {day_text(due)}, had "
                "passed by then.",
                is_bad=True,
            )
        elif due is not None:
            yield DueSentence(f"due {day_text(due)}")
        return
    yield DueSentence(f"{_days(days)} past due on that day", is_bad=True)
    since = _since(day, days)
    if since is None or since > today:  # nobody is late since a day to come
        return
    if due is None or abs(due - since) <= _TOLERANCE:
        yield DueSentence(f"past due since {day_text(since)}")
        return
    yield DueSentence(
        f"The file contradicts itself: {_days(days)} past due means since "
        f"{day_text(since)}, but its due date is {day_text(due)}.",
        is_bad=True,
    )


def _since_then(due: date | None, day: date, today: date) -> Iterator[DueSentence]:
    if due is not None and day <= due < today:
        yield DueSentence(
            f"The due date has passed since, {_distance(due, today)}. Whether it was "
            "paid, this file cannot know.",
            is_bad=True,
        )


def _since(day: date, days: int) -> date | None:
    try:
        return day - timedelta(days=days)
    except OverflowError:  # before the year 1: nobody means that
        return None


def _distance(day: date, today: date) -> str:
    if day == today:
        return "today"
    if day > today:
        return f"in {_days((day - today).days)}"
    return f"{_days((today - day).days)} ago"


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count:,} days"
