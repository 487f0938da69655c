"""Processing events again by command and by click, and deleting them when due."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from config.celery import app
from contacts.models import Contact
from messaging.models import ChatMessage, MessageStatus, WebhookEvent
from messaging.retention import purge_events
from messaging.tests.bodies import (
    message,
    message_body,
    person,
    status,
    status_body,
)
from messaging.tests.factories import WebhookEventFactory
from messaging.tests.posting import deliver, process_all
from tenants.tests.factories import MembershipFactory

pytestmark = pytest.mark.django_db

EVENTS = reverse("admin:messaging_webhookevent_changelist")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OTHER_NUMBER = "120774539916042"


def replay(*args: str) -> Any:
    out = StringIO()
    call_command("replay_webhooks", *args, "--json", stdout=out)
    return json.loads(out.getvalue())


@pytest.fixture
def events(number: Any) -> dict[str, WebhookEvent]:
    other = message_body(message(), phone_number_id=OTHER_NUMBER)
    return {
        "old": WebhookEventFactory.create(
            status="processed", received_at=NOW - timedelta(days=2)
        ),
        "new": WebhookEventFactory.create(
            status="processed", received_at=NOW - timedelta(hours=1)
        ),
        "parked": WebhookEventFactory.create(
            status="parked", body=b"\xff\x00", received_at=NOW, attempts=5
        ),
        "other": WebhookEventFactory.create(
            status="unroutable", body=other, received_at=NOW
        ),
    }


@pytest.mark.parametrize(
    ("selectors", "chosen"),
    [
        (["--since=2026-11-21"], {"new", "parked", "other"}),
        (["--until=2026-11-20"], {"old"}),
        (["--since=2026-11-22T11:30:00Z"], {"parked", "other"}),
        (["--status", "parked", "unroutable"], {"parked", "other"}),
        ([f"--number={OTHER_NUMBER}"], {"other"}),
        (["--number=12"], set()),
        (["--tenant=OURS"], {"old", "new"}),
        (["--tenant=OURS", "--since=2026-11-22"], {"new"}),
        (["--all"], {"old", "new", "parked", "other"}),
    ],
    ids=" ".join,
)
def test_selectors_choose_events_and_a_dry_run_touches_none(
    number, events, selectors, chosen
):
    selectors = [one.replace("OURS", str(number.tenant_id)) for one in selectors]

    preview = replay(*selectors, "--dry-run")
    untouched = set(WebhookEvent.objects.filter(status="pending"))
    report = replay(*selectors)

    assert {row["id"] for row in preview["events"]} == {
        events[name].pk for name in chosen
    }
    assert untouched == set()
    assert preview["would_queue"] == report["queued"] == len(chosen)
    assert set(WebhookEvent.objects.filter(status="pending")) == {
        events[name] for name in chosen
    }


def test_several_ids_are_replayed_and_a_worker_is_called(events, published):
    report = replay("--id", str(events["old"].pk), str(events["parked"].pk))

    assert report == {"queued": 2, "worker_called": True}
    assert published == ["messaging.tasks.drain"]


def test_a_replay_here_makes_what_was_missing_and_nothing_twice(number):
    deliver(message_body(message("wamid.1"), contacts=[person()]))
    deliver(status_body(status()))
    ChatMessage.objects.all().delete()

    first = replay("--all", "--here")
    again = replay("--all", "--here")

    assert (first["processed"], first["messages"], first["statuses"]) == (2, 1, 0)
    assert (again["processed"], again["messages"]) == (2, 0)
    assert MessageStatus.objects.count() == ChatMessage.objects.count() == 1


def test_a_resting_event_does_not_wait_any_longer(number):
    WebhookEventFactory.create(process_after=timezone.now() + timedelta(hours=1))

    assert replay("--status", "pending", "--here")["processed"] == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "Say which"),
        (["--since=soon"], "Not a day"),
        (["--since=2026-13-01"], "no such day"),
        (["--tenant=nobody"], "no tenant"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(db, args, words):
    WebhookEventFactory.create(status="parked")

    with pytest.raises(CommandError, match=words):
        replay(*args)

    assert WebhookEvent.objects.get().status == "parked"


def test_people_read_which_events_they_are(events):
    out = StringIO()
    call_command("replay_webhooks", "--all", "--dry-run", stdout=out)

    assert "would queue" in out.getvalue()
    assert f"event {events['parked'].pk}  2026-11-22" in out.getvalue()


# In the admin


@pytest.fixture
def owner(client) -> User:
    user = User.objects.create_superuser("owner")
    client.force_login(user)
    return user


def replay_page(event: WebhookEvent) -> str:
    return reverse("admin:messaging_webhookevent_replay", args=[event.pk])


def test_the_page_of_an_event_links_what_it_made_and_replays_it(client, owner, number):
    deliver(message_body(message(), contacts=[person()]))
    event = WebhookEvent.objects.get()
    page = reverse("admin:messaging_webhookevent_change", args=[event.pk])

    html = client.get(page).content.decode()
    answer = client.post(replay_page(event))

    contact = Contact.objects.get()
    assert reverse("admin:contacts_contact_change", args=[contact.pk]) in html
    assert f'action="{replay_page(event)}"' in html
    assert (answer.status_code, answer.url) == (302, page)
    event.refresh_from_db()
    assert event.status == "pending"
    process_all()
    assert ChatMessage.objects.count() == 1


def test_a_replay_is_a_post_of_an_event_that_exists(client, owner):
    event = WebhookEventFactory.create(status="parked")

    assert client.get(replay_page(event)).status_code == 405
    event.delete()
    event.pk = 999_999
    assert client.post(replay_page(event)).status_code == 404


def test_a_tenant_s_staff_replay_nothing_whether_it_exists_or_not(client, number):
    clerk = MembershipFactory.create(tenant=number.tenant).user
    clerk.user_permissions.set(Permission.objects.all())
    client.force_login(clerk)
    event = WebhookEventFactory.create(status="parked")
    missing = WebhookEvent(pk=event.pk + 1)

    answers = [client.post(replay_page(one)) for one in (event, missing)]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[0].content == answers[1].content
    event.refresh_from_db()
    assert event.status == "parked"


def test_the_list_of_events_shows_how_far_the_workers_are_behind(client, owner):
    now = timezone.now()
    late = now - timedelta(minutes=5)
    WebhookEventFactory.create_batch(2, process_after=late)
    WebhookEventFactory.create(process_after=now + timedelta(hours=1))
    WebhookEventFactory.create(status="parked")
    WebhookEventFactory.create(status="unroutable")

    response = client.get(EVENTS)

    lag = response.context["lag"]
    assert (lag.due, lag.resting, lag.unroutable, lag.parked) == (2, 1, 1, 1)
    assert lag.oldest >= timedelta(minutes=5)
    assert b"is a worker running?" in response.content


# Retention


def test_only_old_processed_events_are_deleted_and_what_they_made_stays(number):
    deliver(message_body(message(), contacts=[person()]), status_body(status()))
    WebhookEvent.objects.update(received_at=NOW - timedelta(days=91))
    kept = {
        *WebhookEventFactory.create_batch(1, status="processed", received_at=NOW),
        *(
            WebhookEventFactory.create(
                status=name, received_at=NOW - timedelta(days=400)
            )
            for name in ("pending", "unroutable", "parked")
        ),
    }

    assert purge_events(days=90, now=NOW) == 2

    assert set(WebhookEvent.objects.all()) == kept
    assert ChatMessage.objects.get().event is None
    assert MessageStatus.objects.get().event is None


def test_every_batch_is_deleted_until_nothing_old_is_left(db, monkeypatch):
    monkeypatch.setattr("messaging.retention._BATCH", 2)
    WebhookEventFactory.create_batch(
        5, status="processed", received_at=NOW - timedelta(days=91)
    )

    assert purge_events(days=90, now=NOW) == 5


def test_without_retention_nothing_is_ever_deleted(db, settings):
    settings.EVENT_RETENTION_DAYS = 0
    WebhookEventFactory.create(
        status="processed", received_at=NOW - timedelta(days=9000)
    )

    app.tasks["messaging.tasks.purge_old_events"]()

    assert WebhookEvent.objects.count() == 1


def test_beat_deletes_old_events(db, settings):
    settings.EVENT_RETENTION_DAYS = 30
    WebhookEventFactory.create(
        status="processed", received_at=timezone.now() - timedelta(days=31)
    )
    entry = app.conf.beat_schedule["purge-events"]
    task = app.tasks[entry["task"]]

    task()

    assert not WebhookEvent.objects.exists()
    assert task.expires < entry["schedule"]
