"""Know headers apart by the signs that mean something: "₹" is not "#"."""

import hashlib
import unicodedata
from typing import Any

from django.db import migrations, models

_LONGEST_HEADER = 200
_MEANT = frozenset("#%&@")
_HELPERS = frozenset({"_line", "_error"})


def _letters(header: str) -> str:
    plain = unicodedata.normalize("NFKC", header[:_LONGEST_HEADER]).casefold()
    return "".join(mark for mark in plain if unicodedata.category(mark)[0] in "LMN")


def _with_signs(header: str) -> str:
    signs = "".join(
        mark
        for mark in unicodedata.normalize("NFKC", header[:_LONGEST_HEADER])
        if mark in _MEANT or unicodedata.category(mark)[0] == "S"
    )
    return f"{_letters(header)}{signs}" or " ".join(header.split())


def _fingerprint(headers: list[str], spelled: Any) -> str:
    names = [spelled(h) for h in headers if h.strip().lower() not in _HELPERS]
    return hashlib.sha256("\x1f".join(names).encode()).hexdigest()


def _know_by(apps: Any, *, now: Any, before: Any) -> None:
    for mapping in apps.get_model("uploads", "ColumnMapping").objects.iterator():
        fingerprint = _fingerprint(mapping.headers, now)
        if fingerprint != mapping.header_fingerprint:
            mapping.header_fingerprint = fingerprint
            mapping.save(update_fields=["header_fingerprint"])
    # What was chosen for a file that is not loaded yet.
    uploads = apps.get_model("uploads", "FileUpload").objects
    waiting = uploads.filter(
        status__in=["pending", "review", "processing", "paused", "failed"]
    ).exclude(choices={})
    for upload in waiting.iterator():
        headers = upload.layout.get("headers", [])
        if upload.choices.get("header") == _fingerprint(headers, before):
            upload.choices["header"] = _fingerprint(headers, now)
            upload.save(update_fields=["choices"])
        elif (
            upload.choices.get("header")
            and upload.review == "done"
            and upload.stage in ("file_upload", "csv_parse")
        ):
            # Confirmed for a header of another delimiter, which is not known here:
            # whoever confirmed it looks at it again before a row is loaded.
            upload.review = "always"
            upload.save(update_fields=["review"])


def with_signs(apps: Any, schema_editor: Any) -> None:
    _know_by(apps, now=_with_signs, before=_letters)


def without_signs(apps: Any, schema_editor: Any) -> None:
    """Go back; of two headers that differ by signs only, the newer one stays."""
    seen = set()
    mappings = apps.get_model("uploads", "ColumnMapping").objects
    for mapping in mappings.order_by("-updated_at", "-id"):
        key = (mapping.tenant_id, _fingerprint(mapping.headers, _letters))
        if key in seen:
            mapping.delete()
        seen.add(key)
    _know_by(apps, now=_letters, before=_with_signs)


class Migration(migrations.Migration):
    dependencies = [
        ("uploads", "0014_parts_of_one_reading"),
    ]

    operations = [
        migrations.AddField(
            model_name="columnmapping",
            name="to_be_confirmed",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="A file that was loaded so was undone since: the next one is "
                "shown before it starts.",
            ),
        ),
        migrations.RunPython(with_signs, without_signs),
    ]
