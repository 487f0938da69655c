"""Posting as Meta does, and the work that follows, without a broker."""

import hashlib
import hmac

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from messaging.services import Outcome, process_events
from messaging.tests.bodies import APP_SECRET

WEBHOOK = "/webhooks/whatsapp/"


def signature(body: bytes, secret: str = APP_SECRET) -> str:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return f"sha256={digest}"


def post(
    body: bytes,
    *,
    secret: str = APP_SECRET,
    path: str = WEBHOOK,
    secure: bool = False,
) -> HttpResponse:
    return Client().post(
        path,
        data=body,
        content_type="application/json",
        secure=secure,
        headers={"X-Hub-Signature-256": signature(body, secret)},
    )


def process_all(limit: int = 500) -> Outcome:
    """Process until nothing is due, as a drain task does."""
    total = Outcome()
    while (outcome := process_events(limit=limit, now=timezone.now())).events:
        total += outcome
    return total


def deliver(*bodies: bytes, secret: str = APP_SECRET) -> Outcome:
    """Post each body and process them all, in one batch."""
    for body in bodies:
        response = post(body, secret=secret)
        assert response.status_code == 200, response.content
    return process_all()
