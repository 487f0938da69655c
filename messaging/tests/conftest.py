from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery.signals import after_task_publish
from django.contrib.auth.models import User
from django.test import Client

from contacts.models import Contact
from contacts.tests.factories import ContactFactory
from messaging.models import MessageMedia
from messaging.tests.bodies import (
    APP_SECRET,
    BUSINESS_PHONE,
    PHONE_NUMBER_ID,
    WABA_ID,
)
from messaging.tests.factories import StoredMediaFactory
from messaging.tests.graph_service import GraphService, running
from messaging.tests.kept_files import log_in_staff_of
from messaging.webhook.signature import forget_number_secrets
from tenants.models import WhatsAppNumber
from tenants.tests.factories import WhatsAppNumberFactory, clerk_of


@pytest.fixture(autouse=True)
def _app_secret(settings) -> Iterator[None]:
    settings.WHATSAPP_APP_SECRET = [APP_SECRET]
    forget_number_secrets()
    yield
    forget_number_secrets()


@pytest.fixture
def number(db) -> WhatsAppNumber:
    """A number of a tenant, the one that bodies are for unless they say otherwise."""
    return WhatsAppNumberFactory.create(
        phone_number_id=PHONE_NUMBER_ID,
        display_phone_number=BUSINESS_PHONE,
        waba_id=WABA_ID,
    )


@pytest.fixture
def clerk(client: Client, number: WhatsAppNumber) -> User:
    """A member of staff of the number's tenant, logged in."""
    user = clerk_of(number.tenant)
    client.force_login(user)
    return user


@pytest.fixture
def contact(clerk: User, number: WhatsAppNumber) -> Contact:
    return ContactFactory.create(
        tenant=number.tenant, phone_number="919876543210", name="Asha Verma"
    )


@pytest.fixture
def published() -> Iterator[list[str]]:
    """The names of the tasks that were queued at the real broker, as they are."""
    names: list[str] = []

    def note(sender: str, **_: Any) -> None:
        names.append(sender)

    after_task_publish.connect(note, weak=False)
    yield names
    after_task_publish.disconnect(note)


@pytest.fixture
def kept(settings, tmp_path: Path) -> Path:
    """The folder of kept files, empty."""
    settings.MEDIA_ROOT = str(tmp_path / "kept")
    return tmp_path / "kept"


@pytest.fixture
def graph(settings) -> Iterator[GraphService]:
    """The Graph API of the tests; it has no files yet."""
    with running(GraphService()) as service:
        settings.WHATSAPP_GRAPH_URL = service.url
        yield service


@pytest.fixture
def photo(client: Client, kept: Path) -> MessageMedia:
    """A kept photo, whose tenant's staff are logged in."""
    media = StoredMediaFactory.create()
    log_in_staff_of(media, client)
    return media
