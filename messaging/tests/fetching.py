"""Fetching as a worker does, from the tests' own service."""

from datetime import datetime
from typing import Any

from messaging.media.fetching import fetch_due
from messaging.media.graph import GraphApi
from messaging.media.transfer import Patience
from messaging.models import MessageMedia
from messaging.tests.factories import MessageMediaFactory
from messaging.tests.graph_service import PHOTO, GraphService
from tenants.models import WhatsAppNumber


def queued(graph: GraphService, content: bytes = PHOTO, **fields: Any) -> MessageMedia:
    """A file that the service has, of a number with the token that it wants."""
    media = MessageMediaFactory.create(**fields)
    graph.files[media.media_id] = content
    give_token(media.whatsapp_number, graph.token)
    return media


def give_token(number: WhatsAppNumber, token: str) -> None:
    number.access_token = token
    number.save(update_fields=["access_token"])


def fetch_at(now: datetime, graph: GraphService, **limits: Any) -> int:
    patience = Patience(silence_seconds=5, seconds=10)
    api = GraphApi(url=graph.url, patience=patience, **limits)
    return fetch_due(graph=api, clock=lambda: now, seconds=10)


def content_of(media: MessageMedia) -> bytes:
    with media.file.open("rb") as file:
        return file.read()
