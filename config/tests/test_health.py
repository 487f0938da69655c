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
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.models import ProcessMark
from messaging.models import WebhookEvent
from uploads.tests.factories import make_upload
from uploads.work import begin_reading, hold

KINDS = ("messages", "files", "background", "beat")
PRODUCTION_ENV = Path(__file__).parent / "production.env"


def production_environment() -> dict[str, str]:
    lines = PRODUCTION_ENV.read_text().splitlines()
    pairs = [line.split("=", 1) for line in lines if line and line[0] != "#"]
    return {**os.environ, **dict(pairs)}


@pytest.fixture
def all_run(db: None) -> None:
    """Marks of every kind of process, left just now."""
    for kind in KINDS:
        ProcessMark.objects.create(
            kind=kind, name="here", seen_at=timezone.now(), worked_at=timezone.now()
        )


@pytest.mark.usefixtures("all_run")
def test_all_is_well(client: Client) -> None:
    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "database": "ok",
        "redis": "ok",
        "oldest_pending_seconds": 0.0,
        "processes": dict.fromkeys(KINDS, "ok"),
        "stuck": [],
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
        "processes": {},
        "stuck": [],
    }


@pytest.mark.django_db
def test_nothing_but_asking_is_answered(client: Client) -> None:
    assert client.post("/healthz").status_code == 404


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("all_run")
def test_a_kind_of_process_that_is_gone_is_named_and_web_stays_in_service(
    client: Client, kind: str
) -> None:
    late = timezone.now() - timedelta(minutes=3)
    ProcessMark.objects.filter(kind=kind).update(seen_at=late)

    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["processes"] == {
        other: "gone" if other == kind else "ok" for other in KINDS
    }


@pytest.mark.usefixtures("all_run")
def test_one_of_two_workers_is_enough_to_be_there(client: Client) -> None:
    late = timezone.now() - timedelta(minutes=3)
    ProcessMark.objects.create(kind="files", name="another", seen_at=late)

    assert client.get("/healthz").json()["status"] == "ok"


@pytest.mark.usefixtures("all_run")
def test_a_worker_of_messages_none_of_whose_tasks_end_is_stuck(client: Client) -> None:
    late = timezone.now() - timedelta(minutes=3)
    ProcessMark.objects.filter(kind="messages").update(worked_at=late)

    answer = client.get("/healthz").json()

    assert (answer["status"], answer["processes"]["messages"]) == ("degraded", "stuck")
    (stuck,) = answer["stuck"]
    assert stuck.pop("seconds") >= 180
    assert stuck == {"worker": "here", "upload": None}


@pytest.mark.usefixtures("all_run")
def test_a_worker_of_messages_that_beat_gives_nothing_to_do_is_not_stuck(
    client: Client,
) -> None:
    late = timezone.now() - timedelta(minutes=3)
    ProcessMark.objects.filter(kind="messages").update(worked_at=late)
    ProcessMark.objects.filter(kind="beat").update(seen_at=late)

    answer = client.get("/healthz").json()

    assert (answer["processes"]["messages"], answer["stuck"]) == ("ok", [])


@pytest.mark.django_db(transaction=True)
def test_a_worker_stuck_in_a_file_is_named_with_the_upload_and_nothing_more(
    client: Client, all_run: None
) -> None:
    upload = make_upload(name="Lakshmi Finance arrears.csv")
    began_at = timezone.now() - timedelta(seconds=130)
    work = begin_reading(
        upload_id=upload.pk, limit=timedelta(seconds=100), now=began_at
    )

    with transaction.atomic():
        hold(work.pk, limit=timedelta(seconds=100))
        response = client.get("/healthz")

    answer = response.json()
    assert (response.status_code, answer["status"]) == (200, "degraded")
    (stuck,) = answer["stuck"]
    assert stuck.pop("seconds") >= 130
    assert stuck == {"worker": f"files@{work.worker}", "upload": upload.pk}
    assert "Lakshmi" not in response.content.decode()
    assert upload.tenant.name not in response.content.decode()


@pytest.mark.usefixtures("all_run")
def test_it_costs_few_queries_however_many_workers_there_were(client: Client) -> None:
    now = timezone.now()
    ProcessMark.objects.bulk_create(
        ProcessMark(kind="files", name=f"host{number}", seen_at=now)
        for number in range(200)
    )

    with CaptureQueriesContext(connection) as asked:
        client.get("/healthz")

    # One of them is the limit on each, two are the savepoint of this test.
    assert len(asked) <= 6
    assert not any("pg_locks" in query["sql"] for query in asked)
