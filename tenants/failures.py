"""What a failure says of the database, and what of it is told in logs.

Its own text may quote rows: whole ones, where a constraint was broken.
"""

import traceback

from django.db import Error, connection


def describe_failure(exc: BaseException) -> str:
    """Name a failure; of PostgreSQL's, which rule was broken, but not by whom.

    What PostgreSQL says of it holds the whole row, a failed COPY the line.
    """
    diagnosis = getattr(exc.__cause__, "diag", None) or getattr(exc, "diag", None)
    rule = getattr(diagnosis, "constraint_name", None)
    state = getattr(diagnosis, "sqlstate", None)
    details = [f"rule {rule}"] if rule else [f"SQLSTATE {state}"] if state else []
    if isinstance(exc, OSError) and exc.strerror:
        details = [exc.strerror]
    return ", ".join([type(exc).__name__, *details])


def is_database_away(exc: BaseException) -> bool:
    """Tell whether it failed because nothing can be asked of the database any more.

    Then nobody behind it fares better, and there is no use in going on.
    """
    return isinstance(exc, Error) and not connection.is_usable()


def locate_failure(exc: BaseException) -> str:
    """Return the lines of code that a failure came through, without its own text."""
    return "".join(traceback.format_tb(exc.__traceback__)).rstrip()
