"""A person asks to be forgotten, or to see what is known: one tenant, all of it."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from config.models import ErasureReceipt
from contacts.deduplicating import merge_two
from contacts.models import Contact, ContactMerge
from contacts.unmerging import undo_merge
from customers.models import Customer
from messaging.events import store_event
from messaging.models import ChatMessage, MessageMedia, MessageStatus, WebhookEvent
from messaging.tests.bodies import body, change, message, person, status
from messaging.tests.factories import StoredMediaFactory
from tenants.models import Tenant, WhatsAppNumber
from tenants.tests.factories import TenantFactory, WhatsAppNumberFactory
from uploads.models import FileUpload, RowIssue
from uploads.tests.factories import load, make_upload
from uploads.tests.workbooks import row, workbook

ASHA, RAVI = "919800000101", "919800000102"
ASHA_ID = "IN.7714302958816420"
FILE = (
    "Name,Mobile,Alternate Mobile,Loan No,Amount\n"
    "Asha Verma,98000-00101,,LN1,15000\n"
    "Ravi Kumar,9800000102,9800000101,LN2,500\n"
    "Asha Verma,9800000101,,LN1,twelve\n"
    "Ravi Kumar,9800000102,,LN2,twelve\n"
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def kept_apart(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    Tenant.objects.all().delete()  # the migration's, which not every test here has


def know_asha_and_ravi(number: WhatsAppNumber) -> None:
    """Let both write in one POST, be written to, and stand in a file."""
    value = {"phone_number_id": number.phone_number_id}
    raw = body(
        change(
            messages=[
                message("wamid.a1", from_user_id=ASHA_ID),
                message("wamid.r1", **{"from": RAVI}),
            ],
            contacts=[
                person(ASHA, "Asha Verma", user_id=ASHA_ID),
                person(RAVI, "Ravi Kumar"),
            ],
            **value,
        ),
        change(
            statuses=[
                status("wamid.out", recipient_id=ASHA),
                status("wamid.out2", recipient_id=RAVI),
            ],
            **value,
        ),
    )
    store_event(body=raw, signed_by="app")
    store_event(
        body=body(change(messages=[message("wamid.a2")], **value)), signed_by="app"
    )
    call_command("process_webhooks", stdout=io.StringIO())
    StoredMediaFactory.create(
        message=ChatMessage.objects.get(whatsapp_number=number, wamid="wamid.a2")
    )
    load(FILE, tenant=number.tenant)


def digest(tenant: Tenant) -> str:
    """Return a digest of everything of a tenant that its people can see."""
    content = []
    for model, path in (
        (Contact, "tenant"),
        (ChatMessage, "tenant"),
        (MessageStatus, "tenant"),
        (MessageMedia, "tenant"),
        (Customer, "tenant"),
        (FileUpload, "tenant"),
        (RowIssue, "upload__tenant"),
    ):
        rows = model._default_manager.filter(**{path: tenant}).order_by("pk").values()
        content.append(list(rows))
    return hashlib.sha256(repr(content).encode()).hexdigest()


def tables_that_hold(text: str) -> set[str]:
    """Return the tables in which a text stands anywhere."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(
                f"SELECT count(*) FROM {table} AS row"  # noqa: S608 - names of ours
                " WHERE position(%s IN to_jsonb(row)::text) > 0",
                [text],
            )
            if cursor.fetchone()[0]:
                found.add(table)
        cursor.execute(
            "SELECT count(*) FROM webhook_events"
            " WHERE position(convert_to(%s, 'UTF8') IN body) > 0",
            [text],
        )
        if cursor.fetchone()[0]:
            found.add("webhook_events.body")
    return found


def erase(phone: str, *arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("erase_person", phone, "--yes", "--json", *arguments, stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_nothing_of_a_forgotten_person_is_left_anywhere() -> None:
    number = WhatsAppNumberFactory.create()
    know_asha_and_ravi(number)
    assert tables_that_hold("9800000101")

    receipt = erase(ASHA)

    for mark in ("9800000101", ASHA_ID, "Asha", "wamid.a"):
        assert tables_that_hold(mark) == set(), mark
    assert receipt["counts"] == {
        "contact_merges": 0,
        "contact_identities": 2,
        "contacts": 1,
        "messages": 2,
        "media": 1,
        "statuses": 1,
        "events": 1,
        "events_shortened": 1,
        "customers": 1,
        "alternate_phones": 1,
        "files": 1,
        "issues": 1,
    }
    assert default_storage.listdir(f"uploads/{number.tenant_id}")[1] == []
    assert default_storage.listdir("media")[1] == []


def test_everybody_else_stays_as_they_were() -> None:
    number = WhatsAppNumberFactory.create()
    know_asha_and_ravi(number)

    erase(ASHA)

    ravi = Contact.objects.get()
    assert (ravi.name, ravi.phone_number, ravi.message_count) == ("Ravi Kumar", RAVI, 1)
    assert [one.wamid for one in ChatMessage.objects.all()] == ["wamid.r1"]
    assert [one.wamid for one in MessageStatus.objects.all()] == ["wamid.out2"]
    entry = Customer.objects.get()
    assert (entry.primary_phone, entry.alternate_phone) == (f"+{RAVI}", "")
    assert [issue.line for issue in RowIssue.objects.all()] == [5]
    event = WebhookEvent.objects.get()
    assert RAVI.encode() in bytes(event.body)
    out = io.StringIO()
    only = ["contact-counters", "upload-counts", "orphans", "strangers", "duplicates"]
    call_command("verify", "--only", *only, stdout=out)
    assert out.getvalue().count("OK  ") == len(only)


def test_refused_rows_of_a_file_that_is_kept_no_longer_go_too() -> None:
    number = WhatsAppNumberFactory.create()
    know_asha_and_ravi(number)
    upload = FileUpload.objects.get()
    Customer.objects.filter(primary_phone=f"+{ASHA}").delete()
    default_storage.delete(upload.file.name)
    FileUpload.objects.update(file="")

    erase(ASHA)

    kept = RowIssue.objects.values_list("primary_phone", flat=True)
    assert list(kept) == [f"+{RAVI}"]


def test_hidden_rows_of_a_workbook_are_looked_through_too() -> None:
    tenant = WhatsAppNumberFactory.create().tenant
    hidden = row(2, "Ravi", 9800000102, 9800000101).replace('">', '" hidden="1">', 1)
    load(workbook(row(1, "Name", "Mobile", "Alternate Mobile"), hidden), tenant=tenant)
    assert RowIssue.objects.get().primary_phone == f"+{RAVI}"

    receipt = erase(ASHA)

    assert (receipt["counts"]["files"], receipt["counts"]["issues"]) == (1, 1)
    assert not RowIssue.objects.exists()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (workbook(row(1, "Kunde", "Handy"), row(2, "Asha", "9800000101")), "a.xlsx"),
        (workbook(row(1, "Name", "Mobile"), row(2, "Asha", "9.80.00001.01")), "a.xlsx"),
        ("Kunde;Handy\nAsha;9800000101\n".encode("utf-16"), "a.csv"),
        (b"\xd0\xcf\x11\xe0" + "9800000101".encode("utf-16-le"), "a.xls"),
        (
            "Name,Mobile,EMI\nAsha,\u096f\u096e\u0966\u0966\u0966\u0966\u0966\u0967\u0966\u0967,zzz\n",
            "a.csv",
        ),
    ],
    ids=["unknown columns", "refused rows", "utf-16", "old workbook", "devanagari"],
)
def test_a_file_of_which_nothing_was_loaded_goes_too(
    data: bytes | str, name: str
) -> None:
    tenant = TenantFactory.create()
    upload = load(data, tenant=tenant, name=name)
    other = load("Name,Mobile\nRavi,9800000102\n", tenant=tenant)

    assert erase(ASHA)["counts"]["files"] == 1

    upload.refresh_from_db()
    other.refresh_from_db()
    assert (upload.file.name, bool(other.file)) == ("", True)


def test_a_sheet_that_was_not_read_is_looked_through_too() -> None:
    tenant = TenantFactory.create()
    file = io.BytesIO(workbook(row(1, "Name", "Mobile"), row(2, "Ravi", "9800000102")))
    with ZipFile(file, "a") as archive:
        archive.writestr("xl/worksheets/old.xml", "<v>9800000101</v>")
    upload = load(file.getvalue(), tenant=tenant, name="a.xlsx")
    assert upload.succeeded_rows == 1

    assert erase(ASHA)["counts"]["files"] == 1


def test_a_number_in_the_name_of_a_file_is_masked() -> None:
    tenant = TenantFactory.create()
    load("Name,Mobile\nRavi,9800000102\n", tenant=tenant, name="for 98000 00101.csv")

    erase(ASHA)

    assert FileUpload.objects.get().original_name == "for ….csv"


def test_a_replay_does_not_bring_a_forgotten_person_back() -> None:
    know_asha_and_ravi(WhatsAppNumberFactory.create())
    erase(ASHA)

    call_command("replay_webhooks", "--all", "--here", stdout=io.StringIO())

    assert [one.phone_number for one in Contact.objects.all()] == [RAVI]
    assert ChatMessage.objects.count() == 1


def test_what_another_tenant_knows_of_the_same_person_stays() -> None:
    ours, theirs = WhatsAppNumberFactory.create(), WhatsAppNumberFactory.create()
    for number in (ours, theirs):
        know_asha_and_ravi(number)
    before = digest(theirs.tenant)
    with pytest.raises(CommandError, match="--tenant"):
        erase(ASHA)

    erase(ASHA, f"--tenant={ours.tenant.slug}")

    assert digest(theirs.tenant) == before
    assert Contact.objects.get(phone_number=ASHA).tenant == theirs.tenant


def test_a_person_is_forgotten_under_every_number_and_every_merge() -> None:
    number = WhatsAppNumberFactory.create()
    know_asha_and_ravi(number)
    moved = message(
        "wamid.sys",
        type="system",
        system={
            "type": "user_changed_number",
            "body": "moved",
            "wa_id": "919800000111",
        },
    )
    raw = body(change(messages=[moved], phone_number_id=number.phone_number_id))
    store_event(body=raw, signed_by="app")
    call_command("process_webhooks", stdout=io.StringIO())
    assert Contact.objects.get(phone_number="919800000111").name == "Asha Verma"

    erase("919800000111")

    for mark in ("9800000101", "9800000111", "Asha"):
        assert tables_that_hold(mark) == set(), mark
    assert not ContactMerge.objects.exists()


def test_the_record_of_an_undone_merge_is_forgotten_with_the_person() -> None:
    number = WhatsAppNumberFactory.create()
    know_asha_and_ravi(number)
    asha, ravi = (Contact.objects.get(phone_number=one) for one in (ASHA, RAVI))
    of_both = {"tenant_id": number.tenant_id, "now": timezone.now()}
    merge_two(survivor_id=ravi.pk, merged_id=asha.pk, merged_by=None, **of_both)
    undo_merge(merge_id=ContactMerge.objects.get().pk, undone_by=None, **of_both)

    erase(ASHA)

    assert Contact.objects.get() == ravi
    assert tables_that_hold("Asha") == set()


def test_the_receipt_names_nobody_and_can_be_told_by_who_knows_the_number() -> None:
    know_asha_and_ravi(WhatsAppNumberFactory.create())

    first, again = erase(ASHA), erase(f"+{ASHA}")

    assert first["person"] == again["person"]
    assert set(again["counts"].values()) == {0}
    assert ErasureReceipt.objects.count() == 2
    assert ASHA not in json.dumps(first)


def test_a_tenant_on_hold_forgets_nobody() -> None:
    know_asha_and_ravi(WhatsAppNumberFactory.create(tenant__on_hold=True))

    with pytest.raises(CommandError, match="on hold"):
        erase(ASHA)

    assert Contact.objects.count() == 2


def test_a_file_that_is_still_loading_is_waited_for() -> None:
    number = WhatsAppNumberFactory.create()
    upload = make_upload(FILE, tenant=number.tenant)

    with pytest.raises(CommandError, match=f"Upload {upload.pk} is not over"):
        erase(ASHA)


@pytest.mark.parametrize("command", ["erase_person", "export_person"])
def test_what_is_no_number_is_refused(command: str) -> None:
    TenantFactory.create()

    with pytest.raises(CommandError, match="digits"):
        call_command(command, "Asha")


def test_an_export_holds_all_of_one_person_and_nothing_of_another(
    tmp_path: Path,
) -> None:
    ours, theirs = WhatsAppNumberFactory.create(), WhatsAppNumberFactory.create()
    for number in (ours, theirs):
        know_asha_and_ravi(number)
    Customer.objects.update(national_id_digest="d1gest")
    path = tmp_path / "asha.json"

    call_command(
        "export_person", ASHA, f"--tenant={ours.tenant.slug}", f"--output={path}"
    )

    found = json.loads(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one["name"] for one in found["contacts"]] == ["Asha Verma"]
    assert {one["value"] for one in found["identities"]} == {ASHA, ASHA_ID}
    assert [one["wamid"] for one in found["messages"]] == ["wamid.a1", "wamid.a2"]
    assert len(found["media"]) == 1
    assert [one["loan_number"] for one in found["loan_entries"]] == ["LN1"]
    assert found["loan_entries"][0]["file"] == "overdue.csv"
    assert RAVI not in path.read_text()
    assert "d1gest" not in path.read_text()
    with pytest.raises(CommandError, match="cannot be written"):
        call_command(
            "export_person", ASHA, f"--tenant={ours.tenant.slug}", f"--output={path}"
        )


def test_somebody_unknown_is_exported_as_nothing() -> None:
    TenantFactory.create()
    out = io.StringIO()

    call_command("export_person", ASHA, stdout=out)

    found = json.loads(out.getvalue())
    assert all(found[kind] == [] for kind in ("contacts", "messages", "loan_entries"))
    assert found["exported_at"][:4] == str(timezone.now().year)
