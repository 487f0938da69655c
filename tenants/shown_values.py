"""What a page showed of a row, as the page itself says when it is sent back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.db.models import Model
from django.utils import timezone

SHOWN = "_shown"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a form showed of a row, and when."""

    values: Mapping[str, Any]
    at: datetime


def sign_shown(*, model: type[Model], pk: Any, values: Any, now: datetime) -> str:
    """Return what a page sends back to say what it showed of a row.

    Signed, not encrypted: it is to hold nothing that the page does not show.
    """
    content = {"values": values, "at": now.timestamp()}
    return signing.dumps(content, salt=_salt(model, pk))


def read_shown(*, model: type[Model], pk: Any, token: str | None) -> Shown | None:
    """Return what a page said that it showed; None when that is no word of ours."""
    try:
        content = signing.loads(token or "", salt=_salt(model, pk))
    except signing.BadSignature:
        return None
    at = datetime.fromtimestamp(content["at"], tz=timezone.get_current_timezone())
    return Shown(content["values"], at)


def _salt(model: type[Model], pk: Any) -> str:
    return f"shown|{model._meta.label_lower}|{pk}"
