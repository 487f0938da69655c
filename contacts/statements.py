"""What people state of themselves: an e-mail address, and whether marketing may come.

The newest statement counts, by the time of the message that made it. Of two at the
same moment the greater counts, so that the result is the same in any order; "stop" is
greater than "resume".

Both `record_` functions want the contacts locked, as `upsert_contacts` leaves them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection

from contacts.arrays import array
from contacts.identity import NEVER
from contacts.models import Contact

_MAX_EMAIL_LENGTH = 254
_STATED = [
    (column, f"{column}_at") for column in ("stated_email", "marketing_preference")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedEmail:
    """What a contact answered where the tenant asks for their e-mail address."""

    contact_id: int
    text: str
    stated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketingWish:
    """A contact stops marketing messages, or allows them again."""

    contact_id: int
    stops: bool
    stated_at: datetime


def record_emails(*, stated: Iterable[StatedEmail], now: datetime) -> None:
    """Keep the newest valid address of each contact; what is no address says nothing.

    It is shown as theirs unless staff entered one, or somebody's own SQL did.
    """
    newest = _newest(
        (one.contact_id, one.stated_at, email)
        for one in stated
        if (email := _email_in(one.text))
    )
    if newest is None:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE contacts SET
                stated_email = new.email,
                stated_email_at = new.stated_at,
                email = CASE
                    WHEN contacts.email = '' OR contacts.email_source = 'flow'
                    THEN new.email ELSE contacts.email END,
                email_source = CASE
                    WHEN contacts.email = '' OR contacts.email_source = 'flow'
                    THEN 'flow' ELSE contacts.email_source END,
                updated_at = %s
            FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[])
                AS new (id, stated_at, email)
            WHERE contacts.id = new.id AND (
                stated_email_at IS NULL
                OR (stated_email_at, stated_email::text) < (new.stated_at, new.email)
            )
            """,
            [now, *newest],
        )


def record_marketing_wishes(*, wishes: Iterable[MarketingWish], now: datetime) -> None:
    """Keep the newest wish of each contact."""
    newest = _newest(
        (wish.contact_id, wish.stated_at, "stop" if wish.stops else "resume")
        for wish in wishes
    )
    if newest is None:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE contacts SET
                marketing_preference = new.preference,
                marketing_preference_at = new.stated_at,
                updated_at = %s
            FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[])
                AS new (id, stated_at, preference)
            WHERE contacts.id = new.id AND (
                marketing_preference_at IS NULL
                OR (marketing_preference_at, marketing_preference::text)
                    < (new.stated_at, new.preference)
            )
            """,
            [now, *newest],
        )


def email_by_staff(*, contact: Contact, email: str, now: datetime) -> None:
    """Give a contact the address that staff entered; blank hands it back to them."""
    contact.email, contact.email_source = email, Contact.EmailSource.STAFF
    if not email:
        show_stated_email(contact)
    contact.updated_at = now
    contact.save(update_fields=["email", "email_source", "updated_at"])


class Stating(Protocol):
    """Whoever has the columns of what a contact stated."""

    email: str
    email_source: str
    stated_email: str
    stated_email_at: datetime | None
    marketing_preference: str
    marketing_preference_at: datetime | None


def combine_statements(survivor: Stating, merged: Stating) -> None:
    """Let the survivor of a merge keep the newest statements of both."""
    for column, column_at in _STATED:
        if _when_said(merged, column, column_at) > _when_said(
            survivor, column, column_at
        ):
            setattr(survivor, column, getattr(merged, column))
            setattr(survivor, column_at, getattr(merged, column_at))
    if was_entered(survivor):
        return
    if was_entered(merged):
        survivor.email, survivor.email_source = merged.email, merged.email_source
    else:
        show_stated_email(survivor)


def _newest(
    said: Iterable[tuple[int, datetime, str]],
) -> tuple[str, str, str] | None:
    """Return of each contact what was said last: ids, times and texts, as arrays."""
    newest: dict[int, tuple[datetime, str]] = {}
    for contact_id, stated_at, text in said:
        words = (stated_at, text)
        newest[contact_id] = max(newest.get(contact_id, words), words)
    if not newest:
        return None
    ids = sorted(newest)
    return (
        array(ids),
        array(newest[one][0] for one in ids),
        array(newest[one][1] for one in ids),
    )


def _when_said(contact: Stating, column: str, column_at: str) -> tuple[datetime, str]:
    return getattr(contact, column_at) or NEVER, getattr(contact, column)


def was_entered(contact: Stating) -> bool:
    """Tell whether the address is staff's, or was put there by somebody's own SQL."""
    return bool(contact.email) and contact.email_source != Contact.EmailSource.FLOW


def show_stated_email(contact: Stating) -> None:
    """Let a contact have the address that they stated, or none."""
    contact.email = contact.stated_email
    contact.email_source = (
        Contact.EmailSource.FLOW if contact.email else Contact.EmailSource.UNKNOWN
    )


def _email_in(text: str) -> str:
    email = text.strip()
    if len(email) > _MAX_EMAIL_LENGTH:
        return ""
    try:
        validate_email(email)
    except ValidationError:
        return ""
    return email
