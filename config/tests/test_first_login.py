import threading
import time
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User

from config.first_login import first_login_opens, make_first_login
from config.management.commands.start import Command

# A start lets go of its connection, which no test in a transaction survives.
pytestmark = pytest.mark.django_db(transaction=True)


def announced() -> str:
    """Return what a start prints once it is ready."""
    out = StringIO()
    command = Command(stdout=out)
    command.began_at, command.port = time.monotonic(), 8000
    command.printing = threading.Lock()
    command.announce()
    return out.getvalue()


def test_the_first_login_is_made_once_and_shown_while_it_opens(settings: Any) -> None:
    settings.EMBEDDED = True
    make_first_login()
    first = announced()
    admin = User.objects.get()
    admin.set_password("correct horse")
    admin.save()
    make_first_login()

    assert "(user admin, password admin)" in first
    assert admin.is_superuser
    assert "password" not in announced()
    assert User.objects.get() == admin


def test_nobody_is_shown_a_login_to_a_database_of_their_own(settings: Any) -> None:
    settings.EMBEDDED = False
    make_first_login()

    assert "password" not in announced()


def test_a_login_that_was_closed_opens_nothing() -> None:
    make_first_login()
    User.objects.update(is_active=False)

    assert not first_login_opens()
