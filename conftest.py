"""What every test stands on."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from hypothesis import settings as hypothesis_settings

from messaging.services import process_events
from tenants.tests.factories import TenantFactory, clerk_of
from uploads.models import FileUpload
from uploads.processing import finish_upload, load_next_part
from uploads.reading import read_upload

# A machine that is busy with other things makes no example wrong.
hypothesis_settings.register_profile("whatever the load", deadline=None)
hypothesis_settings.load_profile("whatever the load")


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None,  # pytest-django's
    django_db_blocker: Any,
) -> Iterator[None]:
    """Make the tests' database; nothing holds it up when it is dropped in the end.

    A thread that served a page keeps its connection until it is collected.
    """
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(autouse=True)
def fast_password_hash(settings: Any) -> None:
    # The real one takes half a second for each member of staff, on purpose.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def static_files_found_when_asked_for(settings: Any) -> None:
    # Otherwise all of them are looked through for each client: 0.1 s of its first page.
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def clerk(client: Client) -> User:
    """A member of staff of one tenant, logged in."""
    user = clerk_of(TenantFactory.create())
    client.force_login(user)
    return user


@pytest.fixture
def owner(client: Client) -> User:
    """A superuser, logged in."""
    user = User.objects.create_superuser("owner")
    client.force_login(user)
    return user


@pytest.fixture
def worker() -> Iterator[None]:
    """A worker that drains the queue of events, as it would beside a web server."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.02):
            process_events(limit=500, now=timezone.now())
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join(10)


@pytest.fixture
def upload_worker() -> Iterator[None]:
    """A worker that loads what is uploaded."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.02):
            for upload in FileUpload.objects.filter(status="pending"):
                read_upload(upload_id=upload.pk, now=timezone.now())
                while load_next_part(now=timezone.now(), upload_id=upload.pk):
                    pass
                finish_upload(upload_id=upload.pk, now=timezone.now())
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join(10)
