"""What somebody reads when the database fails a command."""

import subprocess
import sys

import pytest
from django.conf import settings
from django.db import Error, connection, transaction

from config.command_line import INTERRUPTED, explain, run
from config.tests.test_health import production_environment


def try_without_database(*arguments: str) -> subprocess.CompletedProcess[str]:
    nobody_listens = {
        "DATABASE_URL": "postgresql://desk@127.0.0.1:1/desk?connect_timeout=1"
    }
    return subprocess.run(  # noqa: S603 - ours
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env={**production_environment(), **nobody_listens},
        capture_output=True,
        text=True,
    )


def test_a_database_that_is_away_is_said_in_a_sentence() -> None:
    ended = try_without_database("purge", "--dry-run")

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("The database does not answer.")
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_whoever_asks_for_the_traceback_gets_it() -> None:
    ended = try_without_database("purge", "--dry-run", "--traceback")

    assert ended.returncode == 1
    assert "Traceback" in ended.stderr


def test_ctrl_c_ends_a_command_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def press(argv: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("config.command_line.execute_from_command_line", press)

    with pytest.raises(SystemExit) as ended:
        run(["manage.py", "verify"])

    assert ended.value.code == INTERRUPTED


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        pytest.param(
            "SET LOCAL statement_timeout = 1; SELECT pg_sleep(5)",
            "The database gave up: canceling statement due to statement timeout "
            "(SQLSTATE 57014).",
            id="too slow",
        ),
        pytest.param(
            "DO $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100',"
            " DETAIL = 'in the row of +919876543210'; END $$",
            "The database gave up: no room (SQLSTATE 53100).",
            id="without the rows that it quotes",
        ),
        pytest.param(
            "SELECT 1 FROM not_migrated",
            "A table or a column is missing. Run: manage.py migrate",
            id="not migrated",
        ),
        pytest.param("SELECT 1 / 0", None, id="a fault of ours keeps its traceback"),
    ],
)
def test_what_the_database_says_is_told(statement: str, sentence: str | None) -> None:
    with (
        pytest.raises(Error) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert explain(caught.value) == sentence
