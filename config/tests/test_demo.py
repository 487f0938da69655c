import csv
import io
from datetime import date, datetime
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.demo.files import earlier_file, later_file, oldest_file
from config.demo.people import everybody
from contacts.models import Contact
from customers.current_loans import read_loans_of_phones
from customers.models import Customer
from messaging.models import ChatMessage, MessageStatus, WebhookEvent
from tenants.models import Tenant, WhatsAppNumber
from uploads.models import FileUpload

pytestmark = [pytest.mark.django_db]


@pytest.fixture(autouse=True)
def own_kept_files(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)


def demo(**options: Any) -> str:
    out = io.StringIO()
    call_command("demo", stdout=out, **options)
    return out.getvalue()


def everything() -> dict[str, list[dict[str, Any]]]:
    tables = (Tenant, WhatsAppNumber, User, Contact, ChatMessage, MessageStatus)
    tables += (WebhookEvent, FileUpload, Customer)
    return {t.__name__: list(t.objects.order_by("pk").values()) for t in tables}


def test_the_demo_goes_through_whole_and_every_event_is_processed() -> None:
    demo()

    assert set(WebhookEvent.objects.values_list("status", flat=True)) == {"processed"}
    assert Contact.objects.count() == len(everybody())
    assert Contact.objects.get(phone_number=None).username == "zoya_writes"
    assert ChatMessage.objects.count() > 180
    assert set(ChatMessage.objects.values_list("kind", flat=True)) >= {
        "text", "image", "audio", "location", "interactive", "reaction",
    }  # fmt: skip
    assert set(ChatMessage.objects.values_list("direction", flat=True)) == {
        "inbound",
        "outbound",
    }
    assert set(MessageStatus.objects.values_list("status", flat=True)) == {
        "sent", "delivered", "read", "failed",
    }  # fmt: skip


def test_three_monthly_files_hold_the_same_borrowers_and_some_bad_rows() -> None:
    demo()

    later, earlier, oldest = FileUpload.objects.all()
    assert {one.status for one in (oldest, earlier, later)} == {"completed"}
    assert [one.failed_rows for one in (oldest, earlier, later)] == [0, 2, 4]
    assert 27 <= (later.created_at - earlier.created_at).days <= 31
    asha = Customer.objects.filter(full_name="Asha Verma").order_by("as_of_date")
    assert [entry.outstanding_amount for entry in asha] == [100000, 93750, 87500]
    assert Contact.objects.filter(
        phone_number=asha[0].primary_phone.removeprefix("+")
    ).exists()


def test_the_demo_changes_nothing_when_it_runs_again() -> None:
    demo()
    before = everything()

    said = demo()

    assert everything() == before
    assert "nothing was changed" in said


def test_the_demo_leaves_a_business_of_ones_own_alone() -> None:
    tenant = Tenant.objects.get(pk=1)
    Contact.objects.create(tenant=tenant, phone_number="919000000000")

    demo()

    tenant.refresh_from_db()
    assert tenant.name == "Default Tenant"


def test_no_login_is_made_in_a_database_of_ones_own_without_a_password(
    settings: Any,
) -> None:
    settings.EMBEDDED = False

    with pytest.raises(CommandError, match="--password"):
        demo()
    assert not User.objects.exists()

    demo(password="correct horse")
    assert User.objects.get(username="admin").check_password("correct horse")


def test_the_demos_clerk_can_work_and_is_no_superuser(client: Client) -> None:
    demo()
    client.post("/admin/login/", {"username": "priya", "password": "priya"})

    contacts = client.get(reverse("admin:contacts_contact_changelist"))
    forbidden = client.get(reverse("admin:auth_user_changelist"))

    assert contacts.context["cl"].result_count == len(everybody())
    assert forbidden.status_code == 403


def test_no_card_of_the_demo_contradicts_itself() -> None:
    demo()
    tenant = Tenant.objects.get(pk=1)
    phones = Customer.objects.values_list("primary_phone", flat=True).distinct()

    loans = read_loans_of_phones(
        tenant=tenant, phones=list(phones), now=timezone.now()
    ).loans

    said = "\n".join(str(due) for loan in loans for due in loan.dues)
    assert "past due since" in said
    assert "contradicts" not in said
    # Two closed their loan before the newest file.
    assert [loan.absence != "" for loan in loans].count(True) == 2


@pytest.mark.parametrize("month", range(1, 13))
def test_the_days_of_the_demos_files_agree_in_every_month(month: int) -> None:
    for day in (date(2026, month, 1), date(2028, month, 28)):
        for make_file in (oldest_file, earlier_file, later_file):
            _, content = make_file(day)
            rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
            for row in rows:
                if row["Due Date"].startswith("31-02"):
                    continue  # one of the mistakes
                due, as_on = (
                    datetime.strptime(row[name], "%d-%m-%Y").date()  # noqa: DTZ007
                    for name in ("Due Date", "As On")
                )
                assert max((as_on - due).days, 0) == int(row["DPD"])


def test_the_demo_reads_no_secret_of_its_number(settings: Any) -> None:
    demo()
    WhatsAppNumber.objects.update(app_secret="its own", access_token="EAAG")
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    assert "there already" in demo()
