"""docs/scaling.md says of every unique key whether the tenant can lead it."""

import re

import pytest
from django.conf import settings
from django.db import connection, transaction

from config.verify.schema import our_models

pytestmark = pytest.mark.django_db

PAGE = (settings.BASE_DIR / "docs" / "scaling.md").read_text()
SECTION = PAGE.partition("### Partitions and Citus")[2]
OURS = {model._meta.db_table for model in our_models()}


def classes() -> dict[str, set[str]]:
    """Return the tables of each row of the page, by how the row begins."""
    rows = re.findall(r"^\| (`.+?) \| (.+?) \|$", SECTION, re.MULTILINE)
    return {says: set(re.findall(r"`(\w+)`", names)) for names, says in rows}


def tables_that(beginning: str) -> set[str]:
    (tables,) = (names for says, names in classes().items() if beginning in says)
    return tables


def unique_keys() -> dict[str, list[list[str]]]:
    """Return the columns of every unique key that is no primary key, by table."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT relation.relname, array(
                SELECT attname FROM unnest(indkey) WITH ORDINALITY AS at (number, place)
                JOIN pg_attribute ON attrelid = indrelid AND attnum = number
                ORDER BY place
            )::text[]
            FROM pg_index JOIN pg_class AS relation ON relation.oid = indrelid
            WHERE indisunique AND NOT indisprimary
                AND relnamespace = 'public'::regnamespace
            """
        )
        keys: dict[str, list[list[str]]] = {table: [] for table in OURS}
        for table, columns in cursor.fetchall():
            if table in OURS:
                keys[table].append(columns)
        return keys


def has_tenant(table: str) -> bool:
    with connection.cursor() as cursor:
        columns = connection.introspection.get_table_description(cursor, table)
    return "tenant_id" in {column.name for column in columns}


def test_every_table_is_in_one_row() -> None:
    named = [table for tables in classes().values() for table in tables]

    assert sorted(named) == sorted(OURS)


def test_each_row_is_true_of_its_tables() -> None:
    keys = unique_keys()

    assert all(
        "tenant_id" in columns
        for table in tables_that("are led by the tenant already")
        for columns in keys[table]
    )
    assert all(map(has_tenant, tables_that("the column is there")))
    assert {table for table in OURS if not keys[table]} == tables_that("but their `id`")
    below = tables_that("once they have the column")
    assert not any(map(has_tenant, below))


def test_the_statements_give_the_tables_below_an_upload_their_tenant() -> None:
    statements = re.findall(r"^    ((?:ALTER|UPDATE) .+;)$", SECTION, re.MULTILINE)
    given = {statement.split()[2] for statement in statements if "ADD" in statement}
    assert given >= tables_that("once they have the column")

    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        for table in tables_that("once they have the column"):
            for columns in unique_keys()[table]:
                led = ", ".join(["tenant_id", *columns])
                cursor.execute(f"CREATE UNIQUE INDEX ON {table} ({led})")

        assert all(map(has_tenant, given))
        transaction.set_rollback(True)
