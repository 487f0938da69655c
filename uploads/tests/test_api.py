import csv
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.models import Customer
from tenants.models import ApiClient, Tenant
from tenants.tests.factories import TenantFactory
from tenants.tests.programs import program_of
from uploads.models import FileUpload, UploadWork
from uploads.reading import read_upload
from uploads.services import pause_upload
from uploads.tests.factories import (
    TWO_ROWS,
    FileUploadFactory,
    load,
    make_upload,
    work_off,
)
from uploads.tests.workbooks import row, workbook

pytestmark = pytest.mark.django_db

UPLOADS = "/api/v1/uploads/"
ONE_BAD = TWO_ROWS + "Nobody,12,700\n"


@pytest.fixture
def owner() -> Tenant:
    return TenantFactory.create()


@pytest.fixture
def program(owner: Tenant) -> Client:
    return program_of(owner)


def send(program: Client, text: str = TWO_ROWS, **more: Any) -> Any:
    file = SimpleUploadedFile("dues.csv", text.encode())
    return program.post(UPLOADS, {"file": file, **more})


def test_a_file_is_taken_in_and_loaded(program: Client, owner: Tenant) -> None:
    answer = send(program)

    assert answer.status_code == 201
    upload = FileUpload.objects.get()
    assert (answer.json()["id"], answer.json()["status"]) == (upload.pk, "pending")
    assert (upload.tenant, upload.original_name) == (owner, "dues.csv")
    work_off(upload)
    assert Customer.objects.filter(tenant=owner, upload=upload).count() == 2


def test_who_sent_it_is_kept_and_shown(
    program: Client, owner: Tenant, admin_client: Client
) -> None:
    upload_id = send(program).json()["id"]
    program.post(f"{UPLOADS}{upload_id}/pause/")

    upload = FileUpload.objects.get()
    client = ApiClient.objects.get()
    assert (upload.uploaded_by, upload.uploaded_by_client) == (None, client)
    acts = upload.acts.values_list("act", "by", "by_client")
    assert list(acts) == [("sent", None, client.pk), ("paused", None, client.pk)]
    page = admin_client.get(f"/admin/uploads/fileupload/{upload_id}/change/")
    assert page.content.decode().count("dialler (API)") == 3


def test_a_tenant_in_the_body_is_not_listened_to(
    program: Client, owner: Tenant
) -> None:
    send(program, tenant="1", tenant_id="1")

    assert FileUpload.objects.get().tenant == owner


def test_how_an_upload_stands_is_told_whole(program: Client, owner: Tenant) -> None:
    before = make_upload(ONE_BAD, tenant=owner)
    upload = load(ONE_BAD, tenant=owner)

    told = program.get(f"{UPLOADS}{upload.pk}/").json()

    assert told["status"] == "completed"
    assert told["sentence"] == "Upload completed: 2 successful, 1 failed"
    counts = (told["total_rows"], told["succeeded_rows"], told["failed_rows"])
    assert counts == (3, 2, 1)
    assert (told["progress"]["done"], told["progress"]["percent"]) == (3, 100)
    assert (told["is_over"], told["acts"]) == (True, ["undo"])
    assert told["same_file_before"] == before.pk
    (group,) = told["issue_groups"]
    assert (group["code"], group["count"], group["first_line"]) == (
        "phone_too_short", 1, 4,
    )  # fmt: skip


def test_refused_rows_are_listed_masked(program: Client, owner: Tenant) -> None:
    upload = load(ONE_BAD, tenant=owner)

    (issue,) = program.get(f"{UPLOADS}{upload.pk}/issues/").json()["results"]

    assert (issue["line"], issue["column_name"]) == (4, "Mobile")
    assert (issue["code"], issue["message"]) == (
        "phone_too_short", "The phone number has too few digits.",
    )  # fmt: skip
    assert issue["value_masked"] == upload.issues.get().value_masked


def rejected(program: Client, upload: FileUpload, **query: str) -> Any:
    return program.get(f"{UPLOADS}{upload.pk}/rejected/", query)


def body_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_refused_rows_come_as_a_file_and_it_is_kept_who_took_it(
    program: Client, owner: Tenant
) -> None:
    upload = load(ONE_BAD, tenant=owner)

    answer = rejected(program, upload)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "overdue-refused-rows.csv" in answer["Content-Disposition"]
    header, row = csv.reader(io.StringIO(body_of(answer).decode("utf-8-sig")))
    assert header[-2:] == ["_line", "_error"]
    assert row[:2] == ["Nobody", "12"]
    assert row[-2:] == ["4", "Mobile: The phone number has too few digits."]
    act = upload.acts.get(act="exported")
    assert (act.by, act.by_client, act.row_count) == (
        None, ApiClient.objects.get(), 1,
    )  # fmt: skip


def test_a_look_at_the_file_is_no_export(program: Client, owner: Tenant) -> None:
    upload = load(ONE_BAD, tenant=owner)

    answer = program.head(f"{UPLOADS}{upload.pk}/rejected/")

    assert (answer.status_code, answer["Content-Type"]) == (
        200, "text/csv; charset=utf-8",
    )  # fmt: skip
    assert not upload.acts.filter(act="exported").exists()


@pytest.mark.parametrize("accept", ["text/csv", "application/json", "*/*"])
def test_a_file_comes_whatever_the_program_says_it_accepts(
    program: Client, owner: Tenant, accept: str
) -> None:
    upload = load(ONE_BAD, tenant=owner)

    answer = program.get(f"{UPLOADS}{upload.pk}/rejected/", headers={"Accept": accept})

    assert answer.status_code == 200


def test_a_workbook_comes_back_as_one_or_as_csv(program: Client, owner: Tenant) -> None:
    upload = load(
        workbook(row(1, "Name", "Mobile", "EMI"), row(2, "A, B", 12, 500)),
        tenant=owner,
        name="dues.xlsx",
    )

    own, as_csv = rejected(program, upload), rejected(program, upload, **{"as": "csv"})

    assert own["Content-Type"].endswith("spreadsheetml.sheet")
    assert "dues-refused-rows.xlsx" in own["Content-Disposition"]
    assert body_of(own).startswith(b"PK")
    assert "dues-refused-rows.csv" in as_csv["Content-Disposition"]
    lines = body_of(as_csv).decode("utf-8-sig").splitlines()
    assert lines[0] == '"Name","Mobile","EMI","_line","_error"'
    assert lines[1].startswith('"A, B","12","500","2",')


def test_the_delimiter_is_the_files_own_or_a_comma(
    program: Client, owner: Tenant
) -> None:
    upload = load("Name;Mobile\nAsha;12\n", tenant=owner)

    own, as_csv = rejected(program, upload), rejected(program, upload, **{"as": "csv"})

    assert b'"Name";"Mobile";"_line";"_error"' in body_of(own)
    assert b'"Name","Mobile","_line","_error"' in body_of(as_csv)


def test_refused_rows_mended_and_sent_again_are_taken_in(
    program: Client, owner: Tenant
) -> None:
    parent = load(workbook(row(1, "Name", "Mobile"), row(2, "A", 12)), tenant=owner)
    text = body_of(rejected(program, parent, **{"as": "csv"})).decode("utf-8-sig")

    answer = send(program, text.replace('"12"', '"9876543219"'), parent=str(parent.pk))

    child = work_off(FileUpload.objects.get(pk=answer.json()["id"]))
    assert child.sentence == "Upload completed: 1 successful, 0 failed"


@pytest.mark.parametrize(
    ("text", "lacks", "query", "code", "says"),
    [
        (TWO_ROWS, "", {}, 409, "No row of this upload was refused."),
        (ONE_BAD, "file", {}, 409, "The kept file was deleted: its rows cannot"),
        (ONE_BAD, "issues", {}, 409, "What was wrong with the rows is kept no longer"),
        (ONE_BAD, "", {"as": "pdf"}, 400, "as: csv, or nothing"),
        (ONE_BAD, "", {"as": ""}, 400, "as: is empty."),
        (ONE_BAD, "", {"AS": "csv"}, 400, "AS: no parameter of this address."),
    ],
    ids=[
        "none refused",
        "file gone",
        "issues gone",
        "another kind",
        "no kind",
        "misspelt",
    ],
)
def test_where_there_is_no_file_of_refused_rows_a_sentence_says_why(
    program: Client,
    owner: Tenant,
    text: str,
    lacks: str,
    query: dict[str, str],
    code: int,
    says: str,
) -> None:
    upload = load(text, tenant=owner)
    if lacks == "issues":
        upload.issues.all().delete()
    if lacks == "file":
        upload.file.storage.delete(upload.file.name)

    answer = rejected(program, upload, **query)

    assert answer.status_code == code
    assert answer.json()["detail"].startswith(says)
    assert not upload.acts.filter(act="exported").exists()


def test_the_newest_upload_comes_first(program: Client, owner: Tenant) -> None:
    older, newer = FileUploadFactory.create_batch(2, tenant=owner)

    told = program.get(UPLOADS).json()["results"]

    assert [one["id"] for one in told] == [newer.pk, older.pk]
    assert told[0]["sentence"] == newer.sentence


def test_mended_rows_name_the_upload_they_mend(program: Client, owner: Tenant) -> None:
    parent = load(ONE_BAD, tenant=owner)

    answer = send(program, parent=str(parent.pk))

    assert answer.json()["parent"] == parent.pk
    assert FileUpload.objects.get(pk=answer.json()["id"]).parent == parent


def test_a_strangers_parent_is_not_there_either(program: Client) -> None:
    strangers = load(ONE_BAD)

    answer = send(program, parent=str(strangers.pk))

    assert answer.status_code == 400
    assert answer.json() == {"detail": "parent: No upload has this id."}
    assert FileUpload.objects.count() == 1


@pytest.mark.parametrize("status", ["pending", "review", "processing", "paused"])
def test_a_parent_that_is_not_over_is_refused_in_a_sentence(
    program: Client, owner: Tenant, status: str
) -> None:
    parent = FileUploadFactory.create(tenant=owner, status=status)

    answer = send(program, parent=str(parent.pk))

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(
        f"parent: Upload {parent.pk} is not over: "
    )
    assert FileUpload.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "file: No file was submitted."),
        ({"file": "text"}, "file: The submitted data was not a file"),
        (
            {"file": SimpleUploadedFile("empty.csv", b"")},
            "file: The submitted file is empty.",
        ),
        (
            {"file": SimpleUploadedFile("a.csv", b"a"), "parent": "x"},
            "parent: A valid integer is required.",
        ),
        (
            {"file": SimpleUploadedFile("a.csv", b"a"), "parent": "99999"},
            "parent: No upload has this id.",
        ),
        (
            {"file": SimpleUploadedFile("a.csv", b"a"), "parent": "9" * 30},
            "parent: No upload has this id.",
        ),
        (
            {"file": SimpleUploadedFile("a.csv", b"a"), "parent": "-1"},
            "parent: No upload has this id.",
        ),
        (
            {"file": SimpleUploadedFile("a.csv", b"a"), "parent": ""},
            "parent: A valid integer is required.",
        ),
        (
            {"file": SimpleUploadedFile("a.csv", b"a"), "parent": "1\0"},
            "parent: A valid integer is required.",
        ),
    ],
    ids=[
        "none",
        "text",
        "empty",
        "parent",
        "no parent",
        "no id",
        "negative",
        "blank",
        "NUL",
    ],
)
def test_what_is_no_upload_is_refused_in_a_sentence(
    program: Client, body: dict[str, Any], says: str
) -> None:
    answer = program.post(UPLOADS, body)

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(says)
    assert not FileUpload.objects.exists()


def test_a_body_that_is_cut_off_is_refused_in_a_sentence(program: Client) -> None:
    answer = program.post(
        UPLOADS, b"--x\r\nContent-Dis", content_type="multipart/form-data; boundary=x"
    )

    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_an_upload_is_paused_resumed_and_cancelled(
    program: Client, owner: Tenant
) -> None:
    upload = make_upload(tenant=owner)

    told = [
        program.post(f"{UPLOADS}{upload.pk}/{act}/").json()["status"]
        for act in ("pause", "resume", "cancel")
    ]

    assert told == ["paused", "pending", "cancelled"]
    upload.refresh_from_db()
    assert upload.status == "cancelled"


def test_rows_in_hand_of_a_paused_upload_are_told(
    program: Client, owner: Tenant, django_assert_num_queries: Any
) -> None:
    """Nothing more is loaded, but for what a worker has begun."""
    uploads, counts = [], []
    for _ in range(2):
        uploads.append(make_upload(tenant=owner))
        read_upload(upload_id=uploads[-1].pk, now=timezone.now())
        pause_upload(upload_id=uploads[-1].pk, by=None, now=timezone.now())
        with CaptureQueriesContext(connection) as queries:
            program.get(UPLOADS)
        counts.append(len(queries))
    upload, other = uploads
    UploadWork.objects.create(
        upload=upload,
        kind="load",
        part_number=0,
        worker="host",
        pid=1,
        started_at=timezone.now(),
        deadline_at=timezone.now(),
    )
    UploadWork.objects.create(
        upload=other,
        kind="read",
        worker="host",
        pid=2,
        started_at=timezone.now(),
        deadline_at=timezone.now(),
    )

    assert counts[0] == counts[1]
    with django_assert_num_queries(counts[1]):
        listed = program.get(UPLOADS).json()["results"]

    sentences = {one["id"]: one["sentence"] for one in listed}
    assert sentences == {
        upload.pk: "Paused: rows that a worker has in hand are still loaded, nothing "
        "more until it is resumed",
        other.pk: "Paused: nothing more is loaded until it is resumed",
    }
    assert (
        program.get(f"{UPLOADS}{upload.pk}/").json()["sentence"]
        == (sentences[upload.pk])
    )


def test_a_failed_upload_is_tried_again(program: Client, owner: Tenant) -> None:
    upload = load("nothing\n", tenant=owner)
    assert upload.status == "failed"

    told = program.post(f"{UPLOADS}{upload.pk}/retry/").json()

    assert (told["status"], told["error"]) == ("pending", "")


def test_an_upload_is_undone_once(program: Client, owner: Tenant) -> None:
    upload = load(tenant=owner)

    answers = [program.post(f"{UPLOADS}{upload.pk}/undo/") for _ in range(2)]

    assert [one.status_code for one in answers] == [200, 409]
    assert answers[0].json()["sentence"] == "Undone: 2 entries were taken out"
    assert not Customer.objects.filter(upload=upload).exists()
    upload.refresh_from_db()
    assert (upload.undone_by, upload.acts.last().by_client) == (
        None, ApiClient.objects.get(),
    )  # fmt: skip


def test_what_is_not_loaded_yet_is_cancelled_and_not_undone(
    program: Client, owner: Tenant
) -> None:
    upload = make_upload(tenant=owner)

    answer = program.post(f"{UPLOADS}{upload.pk}/undo/")

    assert answer.status_code == 409
    assert answer.json()["detail"].endswith("Possible now: pause, cancel.")
    upload.refresh_from_db()
    assert upload.status == "pending"


def test_an_undo_whose_entries_are_gone_is_done(program: Client, owner: Tenant) -> None:
    upload = load(tenant=owner)
    Customer.objects.filter(upload=upload).delete()

    answer = program.post(f"{UPLOADS}{upload.pk}/undo/")

    assert (answer.status_code, answer.json()["status"]) == (200, "undone")


@pytest.mark.parametrize(
    ("act", "possible"),
    [("pause", "undo"), ("resume", "undo"), ("cancel", "undo"), ("retry", "undo")],
)
def test_what_an_upload_does_not_allow_is_told_with_what_it_does(
    program: Client, owner: Tenant, act: str, possible: str
) -> None:
    upload = load(tenant=owner)

    answer = program.post(f"{UPLOADS}{upload.pk}/{act}/")

    assert answer.status_code == 409
    assert answer.json() == {
        "detail": f"This upload is completed: {act} is not possible. "
        f"Possible now: {possible}."
    }
    upload.refresh_from_db()
    assert upload.status == "completed"
