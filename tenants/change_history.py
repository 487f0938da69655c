"""The history of a row in the admin: who changed which column, from what to what.

It outlives the row, and more people read it than the row: what is personal stands
there masked, and what is secret not at all.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

Mask = Callable[[str], str]
_LONGEST = 80
_ENTRIES_READ = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChange:
    """A column that was changed, in the words of its form; secrets have no values."""

    column: str
    label: str
    values: str = ""

    def __str__(self) -> str:
        return f"{self.label} {self.values}".rstrip()


def values_changed(field: forms.Field, before: Any, after: Any) -> str:
    """Return from what to what a value was changed; of several, which came and went."""
    if not isinstance(before, list):
        return f"from {text_of(field, before)} to {text_of(field, after)}"
    came = [one for one in after if one not in before]
    went = [one for one in before if one not in after]
    sides = [("added", came), ("removed", went)]
    return ", ".join(f"{what} {text_of(field, some)}" for what, some in sides if some)


def change_entry(changes: Collection[ColumnChange]) -> dict[str, Any]:
    """Return the changes as Django's `LogEntry.change_message` holds them."""
    return {
        "changed": {
            "fields": [str(change) for change in changes],
            "columns": [change.column for change in changes],
        }
    }


def find_last_change(*, row: Model, column: str, since: datetime) -> LogEntry | None:
    """Return the newest entry since then that says it changed the column of a row."""
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(row, for_concrete_model=False),
        object_id=str(row.pk),
        action_flag=CHANGE,
        action_time__gte=since,
    ).select_related("user")
    for entry in entries.order_by("-action_time")[:_ENTRIES_READ]:
        if column in _columns_of(entry):
            return entry
    return None


def mask_name(text: str) -> str:
    """Return the first letter of each word of a name."""
    return " ".join(f"{word[0]}***" for word in text.split())


def mask_email(text: str) -> str:
    """Return the first letter of an address, and its domain."""
    name, at, domain = text.rpartition("@")
    return f"{mask_name(name)}{at}{domain}" if at else mask_name(text)


def text_of(field: forms.Field, value: Any) -> str:
    """Return a field's value as its form shows it, in quotes; long ones are cut."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value in (None, "", []):
        return "nothing"
    text = _shown(field, value)
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}…"
    return f"“{text}”"


def _shown(field: forms.Field, value: Any) -> str:
    if isinstance(field, forms.ModelChoiceField):
        keys = value if isinstance(value, list) else [value]
        rows = field.queryset.filter(pk__in=keys) if field.queryset else []
        return ", ".join(str(row) for row in rows)
    if isinstance(field, forms.ChoiceField):
        choices: Any = field.choices
        names = {str(key): str(name) for key, name in choices}
        return names.get(str(value), str(value))
    return str(value)


def _columns_of(entry: LogEntry) -> Collection[str]:
    try:
        parts = json.loads(entry.change_message or "[]")
    except json.JSONDecodeError:
        return []  # a sentence of an action's own
    return [
        column
        for part in parts
        if isinstance(part, dict)
        for column in (part.get("changed") or {}).get("columns", [])
    ]
