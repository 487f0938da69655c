"""A program answers what an upload asks: which column is what, then the start."""

import json
from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.models import Customer
from tenants.models import ApiClient, Tenant
from tenants.tests.factories import TenantFactory
from tenants.tests.programs import program_of
from uploads.choices import Choices
from uploads.models import ColumnMapping, FileUpload
from uploads.reviewing import OpenQuestions, start
from uploads.services import cancel_upload, create_upload
from uploads.tests.factories import load, make_upload, work_off

pytestmark = pytest.mark.django_db

UPLOADS = "/api/v1/uploads/"
UNKNOWN = "Borrower Ref,Kontakt,Faellig\nAsha,9876543210,03/04/2026\n"
COLUMNS = {
    "Borrower Ref": "full_name",
    "Kontakt": "primary_phone",
    "Faellig": "due_date",
}


@pytest.fixture
def tenant() -> Tenant:
    return TenantFactory.create()


@pytest.fixture
def program(tenant: Tenant) -> Client:
    return program_of(tenant)


def to_review(data: str = UNKNOWN, *, tenant: Tenant, **more: Any) -> FileUpload:
    """Send a file in that is looked at first; a worker has read it."""
    upload = create_upload(
        tenant=tenant,
        file=ContentFile(data.encode()),
        name="dues.csv",
        uploaded_by=None,
        now=timezone.now(),
        queue=False,
        review=more.get("review", FileUpload.Review.WHEN_NEW),
    )
    return work_off(upload)


def mapping_of(upload: FileUpload) -> str:
    return f"{UPLOADS}{upload.pk}/mapping/"


def answer(program: Client, upload: FileUpload, body: Any) -> Any:
    return program.post(
        mapping_of(upload),
        body if isinstance(body, (str, bytes)) else json.dumps(body),
        content_type="application/json",
    )


def needs(program: Client, upload: FileUpload) -> list[str]:
    told: list[str] = program.get(f"{UPLOADS}{upload.pk}/").json()["needs"]
    return told


def test_a_retry_is_followed_to_its_end_by_a_program_alone(
    program: Client, tenant: Tenant
) -> None:
    """Sent, failed for its columns, retried, asked about, answered, loaded."""
    sent = program.post(
        UPLOADS, {"file": SimpleUploadedFile("dues.csv", UNKNOWN.encode())}
    ).json()
    upload = work_off(FileUpload.objects.get(pk=sent["id"]))
    failed = program.get(f"{UPLOADS}{upload.pk}/").json()
    assert (failed["status"], failed["needs"]) == ("failed", ["mapping"])
    assert "retry" in failed["acts"]
    early = program.get(mapping_of(upload))
    assert early.status_code == 409
    assert "retry it" in early.json()["detail"]

    program.post(f"{UPLOADS}{upload.pk}/retry/")
    waiting = work_off(upload)
    assert (waiting.status, needs(program, upload)) == ("review", ["mapping"])
    told = answer(
        program,
        upload,
        {"columns": COLUMNS, "date_orders": {"due_date": "day first"}, "start": True},
    )

    assert told.status_code == 200, told.content
    assert (told.json()["status"], told.json()["needs"]) == ("processing", [])
    done = work_off(upload)
    assert (done.status, done.succeeded_rows) == ("completed", 1)
    entry = Customer.objects.get(upload=upload)
    assert (entry.full_name, entry.due_date) == ("Asha", date(2026, 4, 3))
    started = upload.acts.get(act="started")
    assert (started.by, started.by_client) == (None, ApiClient.objects.get())


def test_what_columns_there_are_is_told_with_samples_masked(
    program: Client, tenant: Tenant
) -> None:
    upload = to_review(
        "Borrower Ref,Kontakt,Aadhaar No\nAsha,9876543210,234123412346\n",
        tenant=tenant,
    )

    told = program.get(mapping_of(upload)).json()

    assert [one["column"] for one in told["columns"]] == [
        "Borrower Ref", "Kontakt", "Aadhaar No",
    ]  # fmt: skip
    by_name = {one["column"]: one for one in told["columns"]}
    assert by_name["Borrower Ref"]["samples"] == ["Asha"]
    assert by_name["Aadhaar No"]["field"] == "national_id"
    assert "234123412346" not in json.dumps(told)
    assert by_name["Aadhaar No"]["samples"][0].endswith("2346")
    assert any("phone" in question for question in told["questions"])
    assert {"field": "full_name", "meaning": "name", "required": True} in (
        told["known_fields"]
    )
    assert [one["name"] for one in told["choices"]] == ["encoding", "delimiter"]
    assert upload.acts.count() == 1  # a look is on no record


def test_an_order_of_dates_that_nothing_settles_is_asked_for(
    program: Client, tenant: Tenant
) -> None:
    upload = to_review(tenant=tenant)

    refused = answer(program, upload, {"columns": COLUMNS, "start": True})

    assert refused.status_code == 400
    assert refused.json()["detail"].startswith("date_orders: due_date: nothing in the")
    upload.refresh_from_db()
    assert (upload.status, upload.choices) == ("review", {})
    kept = answer(program, upload, {"columns": COLUMNS}).json()
    assert kept["date_orders"] == [{"field": "due_date", "order": "day first"}]
    answer(
        program,
        upload,
        {"columns": COLUMNS, "date_orders": {"due_date": "month first"}, "start": True},
    )
    work_off(upload)
    assert Customer.objects.get(upload=upload).due_date == date(2026, 3, 4)


def test_what_is_kept_waits_until_it_is_started(
    program: Client, tenant: Tenant
) -> None:
    upload = to_review("Borrower Ref,Kontakt\nAsha,9876543210\n", tenant=tenant)
    columns = {"Borrower Ref": "full_name", "Kontakt": "primary_phone"}

    kept = answer(program, upload, {"columns": columns})

    assert kept.status_code == 200
    assert kept.json()["questions"] == []
    assert {one["column"]: one["field"] for one in kept.json()["columns"]} == columns
    upload.refresh_from_db()
    assert upload.status == "review"
    assert answer(program, upload, {"start": True}).json()["status"] == "processing"
    assert work_off(upload).sentence == "Upload completed: 1 successful, 0 failed"


def test_a_mapping_is_remembered_with_the_program_that_gave_it(
    program: Client, tenant: Tenant, admin_client: Client
) -> None:
    upload = to_review("Borrower Ref,Kontakt\nAsha,9876543210\n", tenant=tenant)
    columns = {"Borrower Ref": "full_name", "Kontakt": "primary_phone"}

    answer(program, upload, {"columns": columns, "start": True})

    mapping = ColumnMapping.objects.get()
    assert (mapping.tenant, mapping.confirmed_by) == (tenant, None)
    assert mapping.confirmed_by_client == ApiClient.objects.get()
    assert mapping.mapping == ["full_name", "primary_phone"]
    # The next one of this header fails no more.
    again = load("Borrower Ref,Kontakt\nVikram,9876543211\n", tenant=tenant)
    assert again.status == "completed"
    for page in ("", f"{mapping.pk}/change/"):
        shown = admin_client.get(f"/admin/uploads/columnmapping/{page}")
        assert "dialler (API)" in shown.content.decode()


def test_a_column_that_is_left_out_or_null_is_kept_as_it_is(
    program: Client, tenant: Tenant
) -> None:
    upload = to_review(
        "Name,Mobile,EMI,State\nAsha,9876543210,500,Goa\n", tenant=tenant
    )
    columns = {"Name": "full_name", "Mobile": "primary_phone", "EMI": None}

    answer(program, upload, {"columns": columns, "start": True})

    work_off(upload)
    entry = Customer.objects.get(upload=upload)
    assert (entry.emi_amount, entry.state) == (None, "")
    assert entry.extra == {"EMI": "500", "State": "Goa"}


def test_another_delimiter_makes_other_columns(program: Client, tenant: Tenant) -> None:
    upload = to_review("Borrower Ref;Kontakt,2\nAsha;9876543210\n", tenant=tenant)
    columns = {"Borrower Ref": "full_name", "Kontakt,2": "primary_phone"}

    told = answer(
        program,
        upload,
        {"choices": {"delimiter": ";"}, "columns": columns, "start": True},
    )

    assert told.status_code == 200, told.content
    assert work_off(upload).succeeded_rows == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "Invalid data. Expected a dictionary, but got list."),
        (None, "No data provided"),
        ("7", "Invalid data."),
        ({"colums": {}}, "colums: No part of a mapping. Possible: columns,"),
        ({"columns": []}, "columns: Expected a dictionary of items"),
        ({"columns": {"Nobody": "full_name"}}, "columns: “Nobody” is no column of"),
        ({"columns": {"\0": "full_name"}}, "columns: “\ufffd” is no column of"),
        ({"columns": {"\ud800": "full_name"}}, "columns: “\ufffd” is no column of"),
        ({"columns": {"Kontakt": "phone"}}, "columns: “Kontakt”: “phone” is no field."),
        ({"columns": {"Kontakt": 7}}, "columns: “Kontakt”: “7” is no field."),
        ({"columns": {"Kontakt": {"a": 1}}}, "columns: Kontakt: Not a valid string."),
        ({"columns": {"Kontakt": "\0"}}, "columns: Kontakt: Null characters"),
        ({"columns": {"Kontakt": "\ud800"}}, "columns: Kontakt: "),
        ({"columns": {}, "start": True}, "columns: Which column is the customer's"),
        (
            {
                "columns": {"Kontakt": "full_name", "Faellig": "full_name"},
                "start": True,
            },
            "columns: Which column is the customer's phone?",
        ),
        ({"date_orders": {"due_date": "day first"}}, "date_orders: “due_date” is no"),
        ({"date_orders": {"due_date": "dd/mm"}}, "date_orders: due_date: "),
        ({"choices": {"sheet": "2"}}, "choices: “sheet” is no choice of this file."),
        ({"choices": {"delimiter": "x"}}, "choices: delimiter: “x” is none of"),
        ({"choices": {"encoding": "rot13"}}, "choices: encoding: “rot13” is none of"),
        ({"start": "perhaps"}, "start: Must be a valid boolean."),
        ({"start": None}, "start: This field may not be null."),
        ("{", "JSON parse error"),
        ("[" * 50_000, "JSON parse error"),
        (b"\xff\xfe", "JSON parse error"),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_what_is_no_mapping_is_refused_in_a_sentence_and_nothing_is_kept(
    program: Client, tenant: Tenant, body: Any, says: str
) -> None:
    upload = to_review(tenant=tenant)

    refused = answer(program, upload, body)

    assert refused.status_code == 400, refused.content
    assert refused.json()["detail"].startswith(says), refused.json()
    after = FileUpload.objects.get(pk=upload.pk)
    assert (after.status, after.choices) == ("review", {})
    assert not ColumnMapping.objects.exists()


@pytest.mark.parametrize("status", ["pending", "completed", "cancelled", "undone"])
def test_an_upload_in_no_review_is_not_asked_about(
    program: Client, tenant: Tenant, status: str
) -> None:
    upload = make_upload(tenant=tenant)
    FileUpload.objects.filter(pk=upload.pk).update(
        status=status, undone_at=timezone.now()
    )

    answers = program.get(mapping_of(upload)), answer(program, upload, {"start": True})

    for one in answers:
        assert one.status_code == 409
        assert one.json()["detail"].startswith(f"This upload is {status}: ")
    assert needs(program, upload) == []


def test_a_stranger_and_a_reader_map_nothing(program: Client, tenant: Tenant) -> None:
    upload = to_review(tenant=tenant)
    stranger = program_of(TenantFactory.create())
    reader = program_of(tenant, read_only=True)
    body = {"columns": COLUMNS, "start": True}

    codes = [
        stranger.get(mapping_of(upload)).status_code,
        answer(stranger, upload, body).status_code,
        reader.get(mapping_of(upload)).status_code,
        answer(reader, upload, body).status_code,
    ]

    assert codes == [404, 404, 200, 403]
    upload.refresh_from_db()
    assert (upload.status, upload.choices) == ("review", {})


def test_a_mapping_of_another_type_is_no_json(program: Client, tenant: Tenant) -> None:
    upload = to_review(tenant=tenant)

    refused = program.post(mapping_of(upload), {"start": "true"})

    assert refused.status_code == 415


def test_what_the_file_is_held_for_is_a_review_and_no_mapping(
    program: Client, tenant: Tenant
) -> None:
    sure = "Name,Mobile\nAsha,9876543210\n"
    answer(program, to_review(sure, tenant=tenant), {"start": True})
    upload = to_review(f"{sure}\n", tenant=tenant, review=FileUpload.Review.ALWAYS)

    assert needs(program, upload) == ["review"]
    FileUpload.objects.filter(pk=upload.pk).update(
        layout={**upload.layout, "held_for": ["Amounts look like lakhs."]}
    )
    assert program.get(mapping_of(upload)).json()["held_for"] == [
        "Amounts look like lakhs."
    ]
    assert answer(program, upload, {"start": True}).status_code == 200
    assert work_off(upload).status == "completed"


def test_one_cancelled_meanwhile_is_not_started(
    program: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = to_review(tenant=tenant)
    cancel_upload(upload_id=upload.pk, by=None, now=timezone.now())

    told = answer(program, upload, {"columns": COLUMNS, "start": True})

    assert told.status_code == 409


def test_a_file_that_is_gone_is_told(program: Client, tenant: Tenant) -> None:
    upload = to_review(tenant=tenant)
    upload.file.storage.delete(upload.file.name)

    told = program.get(mapping_of(upload))

    assert (told.status_code, told.json()["detail"]) == (
        409, "The kept file is gone: cancel this upload and send the file again.",
    )  # fmt: skip


def test_a_list_asks_for_the_needs_of_all_its_uploads_at_once(
    program: Client, tenant: Tenant
) -> None:
    counts = []
    for count in (1, 4):
        for _ in range(count):
            to_review(tenant=tenant)
        with CaptureQueriesContext(connection) as queries:
            told = program.get(UPLOADS).json()["results"]
        counts.append(len(queries))

    assert [one["needs"] for one in told] == [["mapping"]] * 5
    assert counts[0] == counts[1]


def test_what_staff_chose_meanwhile_is_not_started_by_a_program(
    tenant: Tenant, clerk: User
) -> None:
    upload = to_review("Name,Mobile\nAsha,9876543210\n", tenant=tenant)

    with pytest.raises(OpenQuestions, match="chosen anew"):
        start(
            upload_id=upload.pk,
            by=clerk,
            now=timezone.now(),
            choices=Choices(delimiter=";"),
        )

    upload.refresh_from_db()
    assert upload.status == "review"


def test_bytes_that_were_loaded_before_need_a_word_that_they_are_meant(
    program: Client, tenant: Tenant
) -> None:
    sure = "Name,Mobile\nAsha,9876543210\n"
    answer(program, to_review(sure, tenant=tenant), {"start": True})
    upload = to_review(sure, tenant=tenant)

    asked = needs(program, upload)
    said = program.post(f"/api/v1/uploads/{upload.pk}/again/")
    done = work_off(upload)

    assert asked == ["again"]
    assert (said.status_code, done.status) == (200, "completed")


UNKNOWN_NAMES = "Party,Kontakt,Falls\nAsha,9876543210,5\n"
MAPPED = {"columns": {"Party": "full_name", "Kontakt": "primary_phone"}}


def said_again(program: Client, upload: FileUpload) -> int:
    return program.post(f"/api/v1/uploads/{upload.pk}/again/").status_code


def test_what_was_mapped_before_the_word_again_is_loaded_as_mapped(
    program: Client, tenant: Tenant
) -> None:
    sure = "Name,Mobile,Falls\nAsha,9876543210,5\n"
    load(sure, tenant=tenant)
    upload = make_upload(sure, tenant=tenant, again=False)
    work_off(upload)
    columns = {"Name": "full_name", "Mobile": "primary_phone", "Falls": "loan_number"}

    refused = answer(program, upload, {"columns": columns, "start": True})
    said = said_again(program, upload)
    needed = needs(program, upload)
    started = answer(program, upload, {"start": True})
    done = work_off(upload)

    assert (refused.status_code, said, started.status_code) == (409, 200, 200)
    assert needed
    assert done.status == "completed"
    assert Customer.objects.get(upload=done).loan_number == "5"


def test_of_two_held_for_their_columns_the_second_can_be_said_to_be_meant(
    program: Client, tenant: Tenant
) -> None:
    first, second = (to_review(UNKNOWN_NAMES, tenant=tenant) for _ in range(2))
    answer(program, first, {**MAPPED, "start": True})
    work_off(first)

    refused = answer(program, second, {**MAPPED, "start": True})
    needed = needs(program, second)
    said = said_again(program, second)
    started = answer(program, second, {"start": True})
    done = work_off(second)

    assert (refused.status_code, said, started.status_code) == (409, 200, 200)
    assert "again" in needed
    assert (done.status, done.succeeded_rows) == ("completed", 1)


def test_a_mapping_says_itself_that_the_same_bytes_are_meant(
    program: Client, tenant: Tenant
) -> None:
    first, second = (to_review(UNKNOWN_NAMES, tenant=tenant) for _ in range(2))
    answer(program, first, {**MAPPED, "start": True})
    work_off(first)

    started = answer(program, second, {**MAPPED, "again": True, "start": True})

    assert started.status_code == 200
    assert work_off(second).succeeded_rows == 1


def test_the_word_again_starts_no_file_whose_columns_nobody_knew(
    program: Client, tenant: Tenant
) -> None:
    first, second = (
        make_upload(UNKNOWN_NAMES, tenant=tenant, again=False) for _ in range(2)
    )
    for upload in (first, second):
        assert work_off(upload).status == "failed"
        program.post(f"/api/v1/uploads/{upload.pk}/retry/")
    work_off(first)
    work_off(second)
    answer(program, first, {**MAPPED, "start": True})
    work_off(first)
    answer(program, second, {**MAPPED, "start": True})

    said = said_again(program, second)
    work_off(second)
    second.refresh_from_db()

    assert said == 200
    assert second.status == "review"
    assert answer(program, second, {"start": True}).status_code == 200
    assert work_off(second).succeeded_rows == 1


def test_a_program_joins_parts_of_names_and_turns_a_country_code_off(
    program: Client, tenant: Tenant
) -> None:
    upload = to_review(
        "Nam B,Nam A,Mobile,Country Code\nRao,Xena,9876543210,US\n", tenant=tenant
    )

    told = program.get(mapping_of(upload)).json()
    answer(
        program,
        upload,
        {
            "columns": {
                "Nam A": "first_name",
                "Nam B": "last_name",
                "Mobile": "primary_phone",
            },
            "choices": {"code_3": "keep"},
            "start": True,
        },
    )
    work_off(upload)

    fields = [known["field"] for known in told["known_fields"]]
    assert {"first_name", "middle_name", "last_name"} <= {*fields}
    assert [one["value"] for one in told["choices"] if one["name"] == "code_3"] == [
        "use"
    ]
    entry = Customer.objects.get()
    assert (entry.full_name, entry.primary_phone) == ("Xena Rao", "+919876543210")
