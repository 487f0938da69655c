"""Why an upload waits: the sentence, where it is shown, and what it costs."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config.models import ProcessMark
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory
from tenants.tests.programs import program_of
from uploads.models import FileUpload
from uploads.tests.factories import FileUploadFactory, make_upload
from uploads.tests.reviews import page_of
from uploads.waiting import FilesQueue, FileWorkers, why_waiting
from uploads.work import begin_reading, hold

LIST = reverse("admin:uploads_fileupload_changelist")
KOLKATA = ZoneInfo("Asia/Kolkata")
NOW = datetime(2026, 11, 28, 8, 47, tzinfo=UTC)  # 14:17 there
SEEN = NOW - timedelta(seconds=10)
GONE = NOW - timedelta(minutes=12)  # 14:05
YESTERDAY = NOW - timedelta(hours=20)


@pytest.mark.parametrize(
    ("minutes", "before", "busy", "seen_at", "sentence", "short"),
    [
        (
            12, 2, True, SEEN,
            "Waiting for 12 minutes: file workers are busy with other uploads; "
            "2 uploads are before it",
            "waiting 12 min: 2 before it",
        ),
        (
            1, 0, True, SEEN,
            "Waiting for 1 minute: file workers are busy with other uploads; "
            "it is next",
            "waiting 1 min",
        ),
        (
            0, 3, False, SEEN,
            "Waiting for less than a minute for its turn: 3 uploads are before it",
            "waiting < 1 min: 3 before it",
        ),
        (
            130, 1, False, SEEN,
            "Waiting for 2 hours for its turn: 1 upload is before it",
            "waiting 2 h: 1 before it",
        ),
        (
            60, 1001, False, SEEN,
            "Waiting for 1 hour for its turn: more than 1000 uploads are before it",
            "waiting 60 min: more than 1000 before it",
        ),
        (
            0, 0, False, SEEN,
            "Waiting for less than a minute: a worker takes it up in a moment",
            "waiting < 1 min",
        ),
        (
            12, 2, True, GONE,
            "Waiting for 12 minutes: no worker for files has been seen since 14:05; "
            "ask your administrator",
            "waiting 12 min: no worker",
        ),
        (
            12, 0, False, YESTERDAY,
            "Waiting for 12 minutes: no worker for files has been seen since "
            "27 Nov, 18:17; ask your administrator",
            "waiting 12 min: no worker",
        ),
        (
            3000, 0, False, None,
            "Waiting for 2 days: no worker for files has been seen for a day; "
            "ask your administrator",
            "waiting 2 d: no worker",
        ),
    ],
    ids=[
        "busy", "busy, next", "turn", "turn, one", "turn, many", "starting", "gone",
        "gone yesterday", "never seen",
    ],
)  # fmt: skip
def test_the_sentence_says_why_and_for_how_long(
    minutes: int,
    before: int,
    busy: bool,
    seen_at: datetime | None,
    sentence: str,
    short: str,
) -> None:
    waiting = why_waiting(
        since=NOW - timedelta(minutes=minutes),
        now=NOW,
        uploads_before=before,
        others_at_work=busy,
        workers=FileWorkers(seen_at=seen_at, are_gone=seen_at != SEEN),
    )

    assert waiting.sentence(zone=KOLKATA, now=NOW) == sentence
    assert waiting.short() == short


@pytest.fixture
def a_worker(db: None) -> None:
    ProcessMark.objects.create(kind="files", name="here", seen_at=timezone.now())


@pytest.fixture
def stranger() -> Tenant:
    return TenantFactory.create(name="Lakshmi Finance")


def waits_since(minutes: int, tenant: Tenant, **fields: Any) -> FileUpload:
    at = timezone.now() - timedelta(minutes=minutes)
    return FileUploadFactory.create(tenant=tenant, updated_at=at, **fields)


@pytest.mark.usefixtures("a_worker")
def test_page_list_and_api_say_it_and_nothing_of_strangers(
    client: Client, tenant: Tenant, stranger: Tenant
) -> None:
    for _ in range(2):
        waits_since(20, stranger, original_name="Lakshmi arrears.csv")
    working = waits_since(30, stranger, status="processing", stage="csv_parse")
    begin_reading(upload_id=working.pk, limit=timedelta(minutes=60), now=timezone.now())
    upload = waits_since(12, tenant)
    waits_since(5, stranger)
    sentence = (
        "Waiting for 12 minutes: file workers are busy with other uploads; "
        "1 upload is before it"
    )

    page = client.get(page_of(upload)).content.decode()
    listed = client.get(LIST).content.decode()
    moving = client.get(
        reverse("admin:uploads_fileupload_progress", args=[upload.pk])
    ).json()
    program = program_of(tenant)
    answer = program.get(f"/api/v1/uploads/{upload.pk}/").json()
    (of_list,) = program.get("/api/v1/uploads/").json()["results"]

    assert sentence in page
    assert moving["sentence"] == sentence
    assert "waiting 12 min: 1 before it" in listed
    assert answer["waiting"] == of_list["waiting"] | {
        "seconds": answer["waiting"]["seconds"],
    }
    assert answer["waiting"]["reason"] == "busy"
    assert answer["waiting"]["uploads_before"] == 1
    assert 720 <= answer["waiting"]["seconds"] < 780
    assert answer["waiting"]["sentence"] == sentence
    for text in (page, listed, str(moving), str(answer)):
        assert "Lakshmi" not in text


@pytest.mark.usefixtures("a_worker")
def test_a_stranger_learns_nothing_of_it(
    client: Client, tenant: Tenant, stranger: Tenant
) -> None:
    theirs = waits_since(12, stranger)

    addresses = [
        reverse("admin:uploads_fileupload_progress", args=[theirs.pk]),
        f"/api/v1/uploads/{theirs.pk}/",
    ]

    assert client.get(addresses[0]).status_code == 404
    assert program_of(tenant).get(addresses[1]).status_code == 404
    assert "waiting 12 min" not in client.get(LIST).content.decode()


@pytest.mark.parametrize(
    "status", ["review", "paused", "completed", "failed", "cancelled", "undone"]
)
@pytest.mark.usefixtures("a_worker")
def test_what_is_over_or_held_back_waits_for_nobody(
    tenant: Tenant, status: str
) -> None:
    more = {"error": "-"} if status == "failed" else {}
    more |= {"undone_at": timezone.now()} if status == "undone" else {}
    upload = waits_since(12, tenant, status=status, **more)

    assert FilesQueue(now=timezone.now()).find_waiting(upload) is None


@pytest.mark.usefixtures("a_worker")
def test_an_upload_between_two_parts_waits_while_others_are_worked_at(
    tenant: Tenant, stranger: Tenant
) -> None:
    upload = waits_since(3, tenant, status="processing", stage="customer_creation")
    assert FilesQueue(now=timezone.now()).find_waiting(upload) is None

    other = waits_since(3, stranger, status="processing")
    begin_reading(upload_id=other.pk, limit=timedelta(minutes=1), now=timezone.now())
    waiting = FilesQueue(now=timezone.now()).find_waiting(upload)
    worked_at = FilesQueue(now=timezone.now()).find_waiting(other)

    assert waiting is not None
    assert (waiting.reason, waiting.uploads_before) == ("busy", 0)
    assert worked_at is None


@pytest.mark.usefixtures("a_worker")
def test_what_is_before_it_is_counted_by_turns(
    tenant: Tenant, stranger: Tenant
) -> None:
    theirs = [waits_since(minutes, stranger) for minutes in (30, 29, 28, 27)]
    ours = [waits_since(minutes, tenant) for minutes in (5, 4)]

    queue = FilesQueue(now=timezone.now())
    found = [queue.find_waiting(upload) for upload in (*theirs, *ours)]

    assert [one and one.uploads_before for one in found] == [0, 2, 4, 5, 1, 3]


@pytest.mark.usefixtures("a_worker")
def test_what_a_dead_process_left_behind_keeps_nobody_busy(
    tenant: Tenant, stranger: Tenant
) -> None:
    dead = waits_since(3, stranger, status="cancelled")
    begun = timezone.now() - timedelta(seconds=20)
    begin_reading(upload_id=dead.pk, limit=timedelta(minutes=2), now=begun)

    waiting = FilesQueue(now=timezone.now()).find_waiting(waits_since(1, tenant))

    assert waiting is not None
    assert waiting.reason == "starting"


@pytest.mark.usefixtures("a_worker")
@pytest.mark.parametrize(
    ("minutes", "sentence", "short"),
    [
        (1, "Reading the file", None),
        (
            6,
            "Reading the file has stood still for 6 minutes; it is stopped at {} if it "
            "does not go on",
            "stands still, 6 min",
        ),
        (
            12,
            "Reading the file has stood still for 12 minutes, and was to be stopped at "
            "{}: ask your administrator",
            "stands still, 12 min",
        ),
    ],
    ids=["in time", "slow", "stuck"],
)
def test_page_list_and_api_say_that_work_stands_still(
    client: Client, tenant: Tenant, minutes: int, sentence: str, short: str | None
) -> None:
    upload = waits_since(minutes, tenant, status="processing", stage="csv_parse")
    begun = timezone.now() - timedelta(minutes=minutes)
    work = begin_reading(upload_id=upload.pk, limit=timedelta(minutes=10), now=begun)
    zone = ZoneInfo(tenant.timezone)
    local, today = (
        timezone.localtime(at, zone) for at in (work.deadline_at, timezone.now())
    )
    is_today = local.date() == today.date()
    sentence = sentence.format(
        f"{local:%H:%M}" if is_today else f"{local:%d %b, %H:%M}"
    )

    with transaction.atomic():
        hold(work.pk, limit=timedelta(minutes=10))
        moving = client.get(
            reverse("admin:uploads_fileupload_progress", args=[upload.pk])
        ).json()
        listed = client.get(LIST).content.decode()
        answer = program_of(tenant).get(f"/api/v1/uploads/{upload.pk}/").json()

    assert moving["sentence"] == sentence
    assert (answer["waiting"] or {}).get("sentence") == (sentence if short else None)
    assert ("stands still" in listed) is bool(short)
    assert (short or "") in listed


@pytest.mark.django_db
def test_without_a_worker_it_says_so(tenant: Tenant, client: Client) -> None:
    upload = make_upload(tenant=tenant)

    assert (
        "no worker for files has been seen"
        in client.get(page_of(upload)).content.decode()
    )


@pytest.mark.usefixtures("a_worker")
def test_it_costs_three_queries_for_any_number_of_uploads(tenant: Tenant) -> None:
    uploads = [waits_since(minutes, tenant) for minutes in range(20)]

    with CaptureQueriesContext(connection) as asked:
        queue = FilesQueue(now=timezone.now())
        found = [queue.find_waiting(upload) for upload in uploads]

    assert [one and one.uploads_before for one in found] == list(range(19, -1, -1))
    assert len(asked) == 3
