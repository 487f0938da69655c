"""The command line, where what fails outside a command is told in a sentence."""

import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.db import Error, InterfaceError, OperationalError

AWAY = (
    "The database does not answer. Is PostgreSQL running, and does DATABASE_URL lead "
    "to it?"
)
INTERRUPTED = 130  # as shells have it


def run(argv: list[str]) -> None:
    """Run a command of `manage.py`; when the database fails it, exit with a sentence.

    With `--traceback`, which every command of Django takes, and with DEBUG on, the
    traceback is shown.
    """
    try:
        execute_from_command_line(argv)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Error as exc:
        sentence = explain(exc)
        if sentence is None or settings.DEBUG or "--traceback" in argv:
            raise
        sys.exit(sentence)


def explain(exc: Error) -> str | None:
    """Say what the database's state is; None when the fault is in our own code."""
    diagnosis = getattr(exc.__cause__, "diag", None)
    if diagnosis is None or diagnosis.sqlstate is None:  # PostgreSQL said nothing
        return AWAY if isinstance(exc, OperationalError | InterfaceError) else None
    state = diagnosis.sqlstate
    if state in ("42P01", "42703"):  # undefined_table, undefined_column
        return "A table or a column is missing. Run: manage.py migrate"
    if isinstance(exc, OperationalError):
        # Its first line only: what follows may quote rows.
        return f"The database gave up: {diagnosis.message_primary} (SQLSTATE {state})."
    return None
