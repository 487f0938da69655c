"""GET /healthz, as load balancers and containers ask it."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client
from django.utils import timezone

from messaging.models import WebhookEvent

PRODUCTION_ENV = Path(__file__).parent / "production.env"


def production_environment() -> dict[str, str]:
    lines = PRODUCTION_ENV.read_text().splitlines()
    pairs = [line.split("=", 1) for line in lines if line and line[0] != "#"]
    return {**os.environ, **dict(pairs)}


@pytest.mark.django_db
def test_all_is_well(client: Client) -> None:
    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "database": "ok",
        "redis": "ok",
        "oldest_pending_seconds": 0.0,
    }


@pytest.mark.django_db
def test_it_tells_how_long_the_oldest_event_waits(client: Client) -> None:
    now = timezone.now()
    for status, minutes in (("processed", 90), ("pending", 10), ("pending", 1)):
        WebhookEvent.objects.create(
            body=b"{}", status=status, received_at=now - timedelta(minutes=minutes)
        )

    age = client.get("/healthz").json()["oldest_pending_seconds"]

    assert 600 <= age < 660


@pytest.mark.django_db
def test_it_answers_whatever_name_it_is_called_by(client: Client) -> None:
    response = client.get("/healthz", headers={"host": "10.1.2.3"})

    assert response.status_code == 200


@pytest.mark.django_db
def test_without_redis_it_stays_in_service_and_says_so(
    client: Client, settings: Any
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["redis"] == "unreachable"


def test_without_its_database_it_is_down_and_not_broken() -> None:
    ask = (
        "import json, django; django.setup(); from django.test import Client; "
        "r = Client().get('/healthz'); print(r.status_code, json.dumps(r.json()))"
    )

    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", ask],
        cwd=configured.BASE_DIR,
        env=production_environment()
        | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": "postgresql://app@127.0.0.1:1/app",
            "REDIS_URL": "redis://127.0.0.1:1/0",
        },
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    status, answer = done.stdout.split(" ", 1)

    assert status == "503"
    assert json.loads(answer) == {
        "status": "down",
        "database": "unreachable",
        "redis": "unreachable",
        "oldest_pending_seconds": None,
    }


@pytest.mark.django_db
def test_nothing_but_asking_is_answered(client: Client) -> None:
    assert client.post("/healthz").status_code == 404
