"""The bell: real rings at the real broker of the tests, and at none."""

import os
import subprocess
import sys
import time

import pytest
from django.db import connection

from messaging.bell import Bell
from messaging.models import WebhookEvent
from messaging.tests.bodies import APP_SECRET


def test_a_burst_rings_a_few_times_not_for_every_post(published):
    bell = Bell()

    rings = 0
    ends = time.monotonic() + 0.5
    gives_up = ends + 20
    while time.monotonic() < ends or not (published or time.monotonic() > gives_up):
        bell.ring()
        rings += 1

    assert rings > 100
    assert 1 <= published.count("messaging.tasks.drain") <= 12


# Half a second for each would make ten.
POST_WITHOUT_BROKER = """
import django, time
django.setup()
from messaging.bell import queue_drain
from messaging.tests.posting import post
started = time.monotonic()
answers = [post(b"{}", secure=True).status_code for _ in range(20)]
print(answers == [200] * 20, time.monotonic() - started < 5, queue_drain())
"""


@pytest.mark.django_db(transaction=True)
def test_a_dead_broker_is_felt_by_nobody_who_posts():
    database = connection.settings_dict
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"postgresql://{database['USER']}@/{database['NAME']}"
        f"?host={database['HOST']}&port={database['PORT']}",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "WHATSAPP_APP_SECRET": APP_SECRET,
        "SECRET_KEY": "x",
        "FIELD_ENCRYPTION_KEYS": "uQ1yJg2x0oYF1m5qv1yN3o4u7aX0l2M4q6Z8b0c2d4E=",
        "NATIONAL_ID_KEY": "x",
        "WHATSAPP_VERIFY_TOKEN": "x",
        "ALLOWED_HOSTS": "testserver",
    }

    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-W", "ignore", "-c", POST_WITHOUT_BROKER],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.stdout.split() == ["True", "True", "False"], done.stderr
    assert WebhookEvent.objects.count() == 20
