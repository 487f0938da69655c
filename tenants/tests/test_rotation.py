"""A new key comes, the old one goes, and every secret can be read throughout."""

import io
import json
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection

from tenants.encryption import UnreadableSecret
from tenants.models import WhatsAppNumber
from tenants.tests.factories import WhatsAppNumberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(settings: Any) -> tuple[str, str]:
    """A secret under the old key; the new one stands before it."""
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    settings.FIELD_ENCRYPTION_KEYS = [old]
    WhatsAppNumberFactory.create(app_secret="s3cret", access_token="EAAB")
    WhatsAppNumberFactory.create()
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    return old, new


def rotate(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("rotate_keys", "--json", *arguments, stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_after_it_the_old_key_can_be_dropped(
    keys: tuple[str, str], settings: Any
) -> None:
    _, new = keys

    assert rotate() == {"secrets": 2, "rotated": 2, "unreadable": []}

    settings.FIELD_ENCRYPTION_KEYS = [new]
    number = WhatsAppNumber.objects.get(
        id=min(WhatsAppNumber.objects.values_list("id", flat=True))
    )
    assert (number.app_secret, number.access_token) == ("s3cret", "EAAB")


def test_a_second_run_writes_nothing(keys: tuple[str, str]) -> None:
    rotate()
    before = tokens()

    assert rotate()["rotated"] == 0

    assert tokens() == before


def test_a_dry_run_only_counts(keys: tuple[str, str]) -> None:
    before = tokens()

    assert rotate("--dry-run")["rotated"] == 2

    assert tokens() == before


def test_what_no_key_reads_is_named_and_left(
    keys: tuple[str, str], settings: Any
) -> None:
    old, _ = keys
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    before = tokens()

    with pytest.raises(CommandError, match="app_secret of row"):
        rotate()

    assert tokens() == before
    with pytest.raises(UnreadableSecret):
        list(WhatsAppNumber.objects.all())
    settings.FIELD_ENCRYPTION_KEYS = [old]
    assert WhatsAppNumber.objects.filter(app_secret="").count() == 1


def tokens() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT app_secret, access_token FROM whatsapp_numbers ORDER BY id"
        )
        return list(cursor.fetchall())
