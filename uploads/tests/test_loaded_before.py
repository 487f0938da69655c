"""A file whose bytes were loaded before is loaded again only when somebody says so."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from threading import Event, Thread

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer
from tenants.models import Tenant
from tenants.tests.factories import MembershipFactory, TenantFactory
from tenants.tests.programs import program_of
from uploads import reviewing
from uploads.models import FileUpload, UploadPart
from uploads.processing import load_next_part
from uploads.reading import read_upload
from uploads.services import (
    cancel_upload,
    create_upload,
    load_again,
    pause_upload,
    retry_upload,
)
from uploads.tasks import carry_on
from uploads.tests import reviews
from uploads.tests.factories import TWO_ROWS, load, make_upload, work_off
from uploads.tests.test_review import Review, page, to_review
from uploads.tests.test_side_by_side import side_by_side
from uploads.undoing import undo_upload

UPLOADS = "/api/v1/uploads/"
now = timezone.now


def send(tenant: Tenant, data: str = TWO_ROWS, **more: object) -> FileUpload:
    """Send a file in of which nobody said that it came before."""
    return make_upload(data, tenant=tenant, again=False)


def send_mended(parent: FileUpload, data: str) -> FileUpload:
    return create_upload(
        tenant=parent.tenant,
        file=ContentFile(data.encode()),
        name="mended.csv",
        uploaded_by=None,
        now=now(),
        parent=parent,
        queue=False,
    )


@pytest.mark.django_db
def test_a_file_of_a_known_layout_that_was_loaded_before_waits_and_is_asked_about(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    first = to_review(TWO_ROWS, tenant=tenant)
    reviews.start(client, first)
    work_off(first)

    second = to_review(TWO_ROWS, tenant=tenant)

    shown = page(client, second)
    assert (second.status, second.loaded_before) == ("review", first)
    assert f"The same file was loaded before, as upload {first.pk}" in shown
    assert 'name="again"' in shown
    assert Customer.objects.count() == 2


@pytest.mark.django_db
def test_it_starts_when_somebody_ticked_that_it_is_meant_and_not_before(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    load(tenant=tenant)
    upload = to_review(TWO_ROWS, tenant=tenant)

    refused = client.post(
        reverse("admin:uploads_fileupload_start", args=[upload.pk]),
        reviews.choices_shown(client, upload),
        follow=True,
    )
    still = FileUpload.objects.get(pk=upload.pk).status
    reviews.start(client, upload, again="on")
    work_off(upload)

    assert "Say that this is meant, or cancel this upload." in str(
        next(iter(refused.context["messages"]))
    )
    assert still == "review"
    assert (upload.status, upload.loaded_before) == ("completed", None)
    assert upload.acts.filter(act="again", by=clerk).count() == 1
    assert Customer.objects.count() == 4


@pytest.mark.django_db
def test_a_file_that_is_started_with_other_columns_is_not_asked_about_twice(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    load(tenant=tenant)
    upload = to_review(TWO_ROWS, tenant=tenant)

    reviews.check(client, upload, column_2="emi_amount")
    reviews.start(client, upload, again="on")

    assert work_off(upload).status == "completed"
    assert {str(one.emi_amount) for one in upload.customers.all()} == {
        "500.00",
        "600.00",
    }


@pytest.mark.django_db
@pytest.mark.parametrize("review", [Review.NEVER, Review.WHEN_NEW, Review.ALWAYS])
def test_no_way_in_loads_the_same_bytes_unasked(tenant: Tenant, review: Review) -> None:
    load(tenant=tenant)

    upload = to_review(TWO_ROWS, tenant=tenant, review=review)

    assert upload.status == "review"
    assert Customer.objects.count() == 2


def complete(upload: FileUpload) -> None:
    work_off(upload)


def read_only(upload: FileUpload) -> None:
    read_upload(upload_id=upload.pk, now=now())


def pause_unread(upload: FileUpload) -> None:
    pause_upload(upload_id=upload.pk, by=None, now=now())


def cancel_loaded(upload: FileUpload) -> None:
    work_off(upload)
    FileUpload.objects.filter(pk=upload.pk).update(status="cancelled")


def leave_waiting(upload: FileUpload) -> None:
    """Leave it as it came in."""


@pytest.mark.django_db
@pytest.mark.parametrize(
    "become", [complete, read_only, pause_unread, cancel_loaded, leave_waiting]
)
def test_what_was_loaded_or_is_being_loaded_counts(
    tenant: Tenant, become: Callable[[FileUpload], None]
) -> None:
    become(send(tenant))

    assert work_off(send(tenant)).status == "review"


def undo(upload: FileUpload) -> None:
    work_off(upload)
    undo_upload(upload_id=upload.pk, by=None, now=now())


def cancel_unread(upload: FileUpload) -> None:
    cancel_upload(upload_id=upload.pk, by=None, now=now())


def fail_unread(upload: FileUpload) -> None:
    upload.mark_failed(stage=FileUpload.Stage.CSV_PARSE, message="x", now=now())


@pytest.mark.django_db
@pytest.mark.parametrize("become", [undo, cancel_unread, fail_unread])
def test_what_brought_nothing_does_not_count(
    tenant: Tenant, become: Callable[[FileUpload], None]
) -> None:
    become(send(tenant))

    assert work_off(send(tenant)).status == "completed"


@pytest.mark.django_db
def test_another_tenants_file_and_other_bytes_do_not_count(tenant: Tenant) -> None:
    load(tenant=TenantFactory.create())
    load(TWO_ROWS + "\n", tenant=tenant)

    assert work_off(send(tenant)).status == "completed"


@pytest.mark.django_db
def test_a_mended_file_that_is_sent_twice_is_asked_about(tenant: Tenant) -> None:
    parent = load(TWO_ROWS + "Uma,12,700\n", tenant=tenant)
    mended = "Name,Mobile,Loan Amount\nUma,9876543212,700\n"

    first, second = (work_off(send_mended(parent, mended)) for _ in range(2))

    assert (first.status, second.status) == ("completed", "review")
    assert Customer.objects.count() == 3


@pytest.mark.django_db
def test_the_sweep_asks_too(tenant: Tenant) -> None:
    load(tenant=tenant)
    upload = send(tenant)
    FileUpload.objects.filter(pk=upload.pk).update(updated_at="2026-01-01T00:00Z")

    carry_on()

    upload.refresh_from_db()
    assert upload.status == "review"
    assert Customer.objects.count() == 2


@pytest.mark.django_db
def test_a_failed_file_is_not_tried_again_unasked_once_another_brought_its_rows(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    failed = send(tenant)
    read_upload(upload_id=failed.pk, now=now())
    FileUpload.objects.filter(pk=failed.pk).update(status="failed", error="x")
    load(tenant=tenant)

    retry_upload(upload_id=failed.pk, by=clerk, now=now())
    work_off(failed)
    asked = (failed.status, Customer.objects.count())
    reviews.start(client, failed, again="on")

    assert asked == ("review", 2)
    assert work_off(failed).status == "completed"
    assert Customer.objects.count() == 4


@pytest.mark.django_db
def test_rows_loaded_before_a_failure_stay_as_they_were_read(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    failed = work_off(send(tenant))
    part = failed.parts.get()
    UploadPart.objects.create(
        upload=failed, reading=part.reading, number=1, start_byte=part.end_byte,
        end_byte=part.end_byte, first_line=4, row_count=0,
    )  # fmt: skip
    FileUpload.objects.filter(pk=failed.pk).update(status="failed", error="x")
    load(tenant=tenant)
    retry_upload(upload_id=failed.pk, by=clerk, now=now())

    reviews.check(client, failed, column_2="emi_amount")
    reviews.start(client, failed, again="on")

    failed.refresh_from_db()
    assert failed.status == "review"
    assert Customer.objects.filter(upload=failed).count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_files_sent_at_once_one_starts_and_one_is_asked_about() -> None:
    tenant = TenantFactory.create()
    user = MembershipFactory.create(tenant=tenant).user
    both = [
        create_upload(
            tenant=tenant,
            file=ContentFile(TWO_ROWS.encode()),
            name="overdue.csv",
            uploaded_by=user,
            now=now(),
            queue=False,
        )
        for _ in range(2)
    ]

    side_by_side(
        *(lambda one=one: read_upload(upload_id=one.pk, now=now()) for one in both)
    )
    while load_next_part(now=now()):
        pass

    stand = FileUpload.objects.order_by("pk").values_list("status", flat=True)
    assert list(stand) == ["completed", "review"]
    assert Customer.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_reviews_of_one_file_that_are_started_at_once_one_starts() -> None:
    tenant = TenantFactory.create()
    user = MembershipFactory.create(tenant=tenant).user
    one, other = (to_review(TWO_ROWS, tenant=tenant) for _ in range(2))
    refused: list[str] = []
    is_tried = Event()

    def start_other() -> None:
        is_tried.set()
        try:
            reviewing.start(upload_id=other.pk, by=user, now=now())
        except reviewing.OpenQuestions as exc:
            refused.append(str(exc))
        finally:
            connection.close()

    thread = Thread(target=start_other)
    with transaction.atomic():
        reviewing.start(upload_id=one.pk, by=user, now=now())
        thread.start()
        is_tried.wait()
        _wait_for_a_waiting_lock(or_the_end_of=thread)
    thread.join()

    assert "The same file is being loaded already" in refused[0]
    other.refresh_from_db()
    assert other.status == "review"


def _wait_for_a_waiting_lock(*, or_the_end_of: Thread) -> None:
    pause = Event()
    while or_the_end_of.is_alive():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = "
                "current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
        pause.wait(0.02)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "overdue.csv"
    path.write_text(TWO_ROWS)
    return path


def import_file(*arguments: object) -> tuple[str, str, int]:
    """Return what the command printed, what it said at its end, and its exit code."""
    out = StringIO()
    try:
        call_command(
            "import_customers", *map(str, arguments), stdout=out, stderr=StringIO()
        )
    except CommandError as exc:
        return out.getvalue(), str(exc), exc.returncode
    return out.getvalue(), "", 0


@pytest.mark.django_db
@pytest.mark.parametrize("how", [["--here"], ["--here", "--json"]])
def test_the_command_leaves_it_to_the_review_and_says_what_to_do(
    file: Path, how: list[str]
) -> None:
    tenant = TenantFactory.create()
    first = load(tenant=tenant)

    printed, said, code = import_file(file, "--tenant", tenant.pk, *how)

    upload = FileUpload.objects.latest("pk")
    assert (code, upload.status) == (2, "review")
    assert f"The same file was loaded before, as upload {first.pk}" in said
    assert said.endswith(
        f"Nothing of upload {upload.pk} is loaded: it waits for its review. Start it "
        "on its page in the admin, or cancel it there and send the file with --again."
    )
    assert printed
    assert Customer.objects.count() == 2


@pytest.mark.django_db
def test_the_command_loads_it_again_when_told(file: Path) -> None:
    tenant = TenantFactory.create()
    load(tenant=tenant)

    _, said, code = import_file(file, "--tenant", tenant.pk, "--here", "--again")

    assert (code, said) == (0, "")
    assert Customer.objects.count() == 4


@pytest.mark.django_db
def test_a_program_is_told_why_its_file_waits_and_has_it_loaded_again() -> None:
    tenant = TenantFactory.create()
    first = load(tenant=tenant)
    program = program_of(tenant)

    sent = program.post(
        UPLOADS, {"file": SimpleUploadedFile("dues.csv", TWO_ROWS.encode())}
    ).json()
    upload = work_off(FileUpload.objects.get(pk=sent["id"]))
    waits = program.get(f"{UPLOADS}{upload.pk}/").json()
    answer = program.post(f"{UPLOADS}{upload.pk}/again/")
    twice = program.post(f"{UPLOADS}{upload.pk}/again/")

    why = f"The same file was loaded before, as upload {first.pk}"
    assert sent["loaded_before"].startswith(why)
    assert (waits["status"], waits["acts"]) == ("review", ["again", "cancel"])
    assert waits["loaded_before"].startswith(why)
    assert (answer.status_code, twice.status_code) == (200, 409)
    assert answer.json()["loaded_before"] is None
    assert work_off(upload).status == "completed"
    assert upload.acts.get(act="again").by_client.tenant == tenant
    assert Customer.objects.count() == 4


@pytest.mark.django_db
def test_a_program_says_at_once_that_it_is_meant() -> None:
    tenant = TenantFactory.create()
    load(tenant=tenant)

    sent = program_of(tenant).post(
        UPLOADS,
        {"file": SimpleUploadedFile("a.csv", TWO_ROWS.encode()), "again": "true"},
    )

    assert sent.json()["loaded_before"] is None
    assert work_off(FileUpload.objects.get(pk=sent.json()["id"])).status == "completed"


@pytest.mark.django_db
def test_what_else_is_to_be_looked_at_stays_for_the_review(
    clerk: User, tenant: Tenant
) -> None:
    load(tenant=tenant)
    upload = to_review(TWO_ROWS, tenant=tenant)  # of a layout that nobody confirmed

    assert load_again(upload_id=upload.pk, by=clerk, now=now())

    upload.refresh_from_db()
    assert (upload.status, upload.loaded_before) == ("review", None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "picture"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "picture"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "picture"),
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (b"\r\n%PDF-1.4\n", "PDF"),
    ],
    ids=["png", "jpeg", "webp", "heic", "pdf", "pdf after a blank line"],
)
def test_a_picture_or_a_pdf_offers_no_retry(
    client: Client, clerk: User, tenant: Tenant, data: bytes, what: str
) -> None:
    upload = load(data, tenant=tenant)
    retry = reverse("admin:uploads_fileupload_retry", args=[upload.pk])

    shown = client.get(reviews.page_of(upload)).content.decode()
    client.post(retry)
    answer = program_of(tenant).post(f"{UPLOADS}{upload.pk}/retry/")

    assert f"This is a {what}." in upload.error
    assert retry not in shown
    assert answer.status_code == 409
    assert "trying it again cannot help" in answer.json()["detail"]
    upload.refresh_from_db()
    assert upload.status == "failed"


@pytest.mark.django_db
@pytest.mark.parametrize("data", [b"x", b"%PDFs sent,Mobile\n", b"PK\x03\x04"])
def test_any_other_failure_may_be_tried_again(
    client: Client, clerk: User, tenant: Tenant, data: bytes
) -> None:
    upload = load(data, tenant=tenant)

    shown = client.get(reviews.page_of(upload)).content.decode()

    assert upload.status == "failed"
    assert reverse("admin:uploads_fileupload_retry", args=[upload.pk]) in shown
