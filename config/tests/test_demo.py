import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from config.demo.people import everybody
from contacts.models import Contact
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
