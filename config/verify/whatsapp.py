"""Checks of the way in from WhatsApp: numbers, secrets, events, media."""

import os
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from config.verify.report import Finding, Scope, ago, fail, ok, rows_of, warn
from tenants.encryption import fernet

BEHIND_WARN_SECONDS = 60
BEHIND_FAIL_SECONDS = 300
SILENT_AFTER_SECONDS = 24 * 60 * 60
MEDIA_OVERDUE = timedelta(hours=2)
_SECRETS = ("app_secret", "access_token")


def numbers_registered(scope: Scope) -> Finding:
    """Whether there is a number, and what it takes to read and to fetch."""
    rows = rows_of(
        """
        SELECT phone_number_id, app_secret = '', access_token = ''
        FROM whatsapp_numbers
        WHERE %(tenant_id)s::bigint IS NULL OR tenant_id = %(tenant_id)s
        ORDER BY id
        """,
        tenant_id=scope.tenant_id,
    )
    if not rows:
        return warn(
            "none", "Register one in the admin under Numbers, with Meta's id of it."
        )
    generated = settings.EMBEDDED and not os.environ.get("WHATSAPP_APP_SECRET")
    without_secret = [number for number, no_secret, _ in rows if no_secret]
    if generated and without_secret:
        return warn(
            f"no real app secret for {_some(without_secret)}",
            "Set WHATSAPP_APP_SECRET to the app secret of Meta's App Dashboard: until "
            "then everything Meta sends is refused.",
        )
    without_token = [number for number, _, no_token in rows if no_token]
    if without_token:
        return warn(
            f"no access token for {_some(without_token)}",
            "Enter one in the admin: without it pictures and documents are not "
            "fetched, and Meta keeps them for seven days only.",
        )
    return ok(f"{len(rows)}, each with what it needs")


def secrets_readable(scope: Scope) -> Finding:
    """Whether every stored secret can be read, and under the newest key."""
    newest = Fernet(settings.FIELD_ENCRYPTION_KEYS[0])
    unreadable, older = [], []
    count = 0
    for number, *tokens in rows_of(
        """
        SELECT phone_number_id, app_secret, access_token FROM whatsapp_numbers
        WHERE %(tenant_id)s::bigint IS NULL OR tenant_id = %(tenant_id)s
        ORDER BY id
        """,
        tenant_id=scope.tenant_id,
    ):
        for name, token in zip(_SECRETS, tokens, strict=True):
            if not token:
                continue
            count += 1
            if not _reads(fernet(), token):
                unreadable.append(f"{name} of {number}")
            elif not _reads(newest, token):
                older.append(f"{name} of {number}")
    if unreadable:
        return fail(
            f"cannot be read: {_some(unreadable)}",
            "Add the key it was written with to FIELD_ENCRYPTION_KEYS, or enter the "
            "secret again.",
        )
    if older:
        return warn(f"under an older key: {_some(older)}", "Run: manage.py rotate_keys")
    return ok(f"{count}, all under the newest key")


def _reads(cipher: Any, token: str) -> bool:
    try:
        cipher.decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def webhook_called(scope: Scope) -> Finding:
    """Whether Meta calls: the commonest fault is an app that is not subscribed."""
    if scope.tenant_id is None:
        ((last,),) = rows_of("SELECT max(received_at) FROM webhook_events")
    else:  # an event belongs to no tenant, its messages do
        ((last,),) = rows_of(
            "SELECT max(received_at) FROM chat_messages"
            " WHERE tenant_id = %(tenant_id)s AND direction = 'inbound'",
            tenant_id=scope.tenant_id,
        )
    next_step = (
        "In Meta's App Dashboard: is the callback address right, is the field "
        "`messages` subscribed, is the app subscribed to the account "
        "(POST /<WABA id>/subscribed_apps)? Test with manage.py send_test_webhook."
    )
    if last is None:
        return warn("never", next_step)
    seconds = (scope.now - last).total_seconds()
    found = f"last {ago(seconds)} ago"
    return warn(found, next_step) if seconds > SILENT_AFTER_SECONDS else ok(found)


def events_pending(scope: Scope) -> Finding:
    """How many events wait, and the oldest for how long."""
    ((count, oldest),) = rows_of(
        "SELECT count(*), min(received_at) FROM webhook_events WHERE status = 'pending'"
    )
    if not count:
        return ok("none")
    seconds = (scope.now - oldest).total_seconds()
    found = f"{count}, the oldest for {ago(seconds)}"
    next_step = (
        "Are workers alive (see there)? manage.py process_webhooks does their work by "
        "hand; more of them share it."
    )
    if seconds > BEHIND_FAIL_SECONDS:
        return fail(found, next_step)
    return warn(found, next_step) if seconds > BEHIND_WARN_SECONDS else ok(found)


def events_parked(scope: Scope) -> Finding:
    """Events that could not be processed in five attempts, or never can be."""
    return _in_trouble(
        scope,
        "parked",
        "Each says why in the admin under Webhook events. When the cause is mended: "
        "manage.py replay_webhooks --status parked. What cannot be mended: "
        "manage.py purge --parked.",
    )


def events_unroutable(scope: Scope) -> Finding:
    """Events for a number that nobody has registered."""
    return _in_trouble(
        scope,
        "unroutable",
        "Each names the number. Register it in the admin under Numbers: its events "
        "are then processed by themselves.",
    )


def _in_trouble(scope: Scope, status: str, next_step: str) -> Finding:
    ((count, oldest),) = rows_of(
        "SELECT count(*), min(received_at) FROM webhook_events"
        " WHERE status = %(status)s",
        status=status,
    )
    if not count:
        return ok("none")
    waited = ago((scope.now - oldest).total_seconds())
    return fail(f"{count}, the oldest for {waited}", next_step)


def media_fetched(scope: Scope) -> Finding:
    """Files that ought to be here by now; Meta keeps them for seven days."""
    ((overdue, waiting, lost, first_lost_at),) = rows_of(
        """
        SELECT
            count(*) FILTER (WHERE status = 'pending' AND created_at < %(overdue)s),
            count(*) FILTER (WHERE status = 'waiting'),
            count(*) FILTER (WHERE status = 'expired' AND expires_at > %(lately)s),
            min(expires_at) FILTER (WHERE status IN ('pending', 'waiting'))
        FROM message_media
        WHERE %(tenant_id)s::bigint IS NULL OR tenant_id = %(tenant_id)s
        """,
        overdue=scope.now - MEDIA_OVERDUE,
        lately=scope.now - timedelta(days=7),
        tenant_id=scope.tenant_id,
    )
    if not (overdue or waiting or lost):
        return ok("none overdue")
    found = f"{overdue} overdue, {waiting} without a token, {lost} lost this week"
    if first_lost_at:
        found += f"; the next is lost {_when(first_lost_at, scope.now)}"
    next_step = (
        "Each says why in the admin under Media. A number without an access token "
        "fetches nothing."
    )
    return fail(found, next_step) if overdue or lost else warn(found, next_step)


def _when(moment: datetime, now: datetime) -> str:
    seconds = (moment - now).total_seconds()
    return f"in {ago(seconds)}" if seconds > 0 else "now"


def _some(names: list[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
