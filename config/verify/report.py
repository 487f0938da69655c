"""What a check finds, and how all of them are run."""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import Error, connection, transaction

logger = logging.getLogger(__name__)


class Level(StrEnum):
    OK = "OK"
    WARN = "WARN"  # may be as it should be; somebody ought to know
    FAIL = "FAIL"  # does not work, or will not for long


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; whatever is not OK says what to do next."""

    level: Level
    found: str
    next_step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """When a report is made, and of whose rows: of all tenants, or of one."""

    now: datetime
    tenant_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A line of the report."""

    check: str
    level: Level
    found: str
    next_step: str


Check = Callable[[Scope], Finding]


def ok(found: str) -> Finding:
    return Finding(Level.OK, found)


def warn(found: str, next_step: str) -> Finding:
    return Finding(Level.WARN, found, next_step)


def fail(found: str, next_step: str) -> Finding:
    return Finding(Level.FAIL, found, next_step)


def run(
    checks: Sequence[tuple[str, Check]],
    *,
    scope: Scope,
    seconds_each: int,
    without_database: Collection[str] = (),
) -> Iterator[Result]:
    """Yield each check's line as soon as it is made; none can stop the others.

    No statement of a check takes longer than `seconds_each`. None of them writes. When
    the database does not answer one, the others that need it are not made.
    """
    is_away = False
    for name, check in checks:
        if name in without_database:
            finding = check(scope)
        elif is_away:
            finding = warn("not checked", "The database comes first: see there.")
        else:
            try:
                finding = _ask(check, scope, seconds_each)
            except Error as exc:
                is_away = _sqlstate(exc) is None
                finding = _unanswered(name, exc, seconds_each)
        yield Result(
            check=name,
            level=finding.level,
            found=finding.found,
            next_step=finding.next_step,
        )


def _ask(check: Check, scope: Scope, seconds: int) -> Finding:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {seconds * 1000:d}")
        return check(scope)


def _sqlstate(exc: Error) -> str | None:
    """Return PostgreSQL's code; None when it was not PostgreSQL that spoke."""
    return getattr(getattr(exc.__cause__, "diag", None), "sqlstate", None)


def _unanswered(name: str, exc: Error, seconds: int) -> Finding:
    """Say why a check has no answer; the driver's own words may quote people."""
    state = _sqlstate(exc)
    if state is None:
        return fail(
            "the database does not answer",
            "Is PostgreSQL running, and does DATABASE_URL lead to it?",
        )
    if state == "57014":  # query_canceled
        return warn(
            f"not answered within {seconds} s",
            f"Give it the time: manage.py verify --only {name} --seconds 600",
        )
    if state in ("42P01", "42703"):  # undefined_table, undefined_column
        return fail("a table or a column is missing", "Run: manage.py migrate")
    logger.warning("The check %s failed: SQLSTATE %s", name, state)
    return fail(
        f"could not be made: {type(exc).__name__}, SQLSTATE {state}",
        "Look for this code in PostgreSQL's log.",
    )


def as_json(results: Sequence[Result], *, scope: Scope) -> dict[str, Any]:
    """Return the report for a monitor: `ok` is false when any line failed."""
    levels = {result.level for result in results}
    return {
        "ok": Level.FAIL not in levels,
        "level": worst(levels),
        "checked_at": scope.now.isoformat(),
        "checks": [asdict(result) for result in results],
    }


def worst(levels: set[Level]) -> Level:
    """Return the gravest of these levels, OK for none."""
    for level in (Level.FAIL, Level.WARN):
        if level in levels:
            return level
    return Level.OK


def ago(seconds: float) -> str:
    """Return a span for people, in its largest unit."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def rows_of(query: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """Return all rows of a query, whose parameters are named."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())
