"""Checks of the tables themselves: what the code relies on must be in the database."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import AutoField, Model, UniqueConstraint

from config.verify.machines import MIGRATE, not_applied
from config.verify.report import Finding, Scope, fail, ok

OUR_APPS = ("config", "tenants", "contacts", "messaging", "customers", "uploads")
DROPPED = ("customers", "uix_customer_primary_phone")


def our_models() -> Iterator[type[Model]]:
    """Yield the models of the product's own apps."""
    for label in OUR_APPS:
        yield from apps.get_app_config(label).get_models()


def constraints_and_indexes(scope: Scope) -> Finding:
    """Every constraint and index that a model declares, by name, and usable."""
    missing: list[str] = []
    statements: list[str] = []
    count = 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
            " WHERE NOT indisvalid"
        )
        invalid = {name for (name,) in cursor.fetchall()}
        for model in our_models():
            options = model._meta
            there = connection.introspection.get_constraints(cursor, options.db_table)
            for declared in (*options.constraints, *options.indexes):
                count += 1
                name = str(declared.name)
                if name not in there or name in invalid or _is_other(declared, there):
                    missing.append(name)
                    statements.append(_statement(model, declared))
            for field in options.local_concrete_fields:
                if field.unique and not any(
                    one["unique"] and one["columns"] == [field.column]
                    for one in there.values()
                ):
                    missing.append(f"unique {options.db_table}.{field.column}")
        table, name = DROPPED
        if name in connection.introspection.get_constraints(cursor, table):
            return fail(
                f"{name} is there: a customer cannot be uploaded twice",
                f"ALTER TABLE {table} DROP CONSTRAINT {name};",
            )
    if missing and not_applied(MigrationExecutor(connection)):
        return fail(f"missing: {', '.join(missing)}", MIGRATE)
    if missing:
        dedupe = (
            "First manage.py dedupe_contacts --apply; then "
            if "contacts_tenant_id_phone_number_key" in missing
            else ""
        )
        return fail(
            f"missing or unusable: {', '.join(missing)}",
            dedupe + " ".join(filter(None, statements)) or MIGRATE,
        )
    return ok(f"all {count} there")


def _is_other(declared: Any, there: dict[str, Any]) -> bool:
    """Tell whether something else stands under the name of a unique constraint."""
    if not isinstance(declared, UniqueConstraint):
        return False
    found = there[str(declared.name)]
    return not found["unique"] or len(found["columns"]) != len(declared.fields)


def _statement(model: type[Model], declared: Any) -> str:
    """Return the SQL that makes it again."""
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        if declared in model._meta.indexes:
            editor.add_index(model, declared)
        else:
            editor.add_constraint(model, declared)
    return " ".join(editor.collected_sql)


def sequences_ahead(scope: Scope) -> Finding:
    """Whether new rows get ids that are free: an import by SQL leaves them behind."""
    behind = []
    count = 0
    with connection.cursor() as cursor:
        for model in our_models():
            key = model._meta.pk
            if not isinstance(key, AutoField):  # and its sizes, Django sees to it
                continue
            count += 1
            table = model._meta.db_table
            cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [table])
            (sequence,) = cursor.fetchone()
            if sequence is None:
                behind.append((table, "has no sequence"))
                continue
            cursor.execute(
                f"SELECT (SELECT max(id) FROM {table}) >"  # noqa: S608 - a table of ours
                f" (SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END"
                f" FROM {sequence})"
            )
            if cursor.fetchone()[0]:
                behind.append((table, sequence))
    if behind:
        return fail(
            "behind their tables: " + ", ".join(table for table, _ in behind),
            " ".join(
                f"SELECT setval('{sequence}', (SELECT max(id) FROM {table}));"  # noqa: S608 - shown, not run
                for table, sequence in behind
            ),
        )
    return ok(f"all {count} ahead of their tables")


def tenant_one(scope: Scope) -> Finding:
    """The tenant that the old services' rows belong to."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), bool_or(id = 1) FROM tenants")
        count, has_first = cursor.fetchone()
    if not has_first:
        return fail(
            f"{count} tenants, none with id 1",
            "INSERT INTO tenants (id, name) VALUES (1, 'Default Tenant')"
            " ON CONFLICT (id) DO NOTHING;",
        )
    return ok(f"there, of {count}")
