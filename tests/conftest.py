"""What the two checklists' operators have at hand, and a browser at the desk."""

import hashlib
import hmac
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from tenants.models import WhatsAppNumber
from tests.checklists import PHONE, PHONE_NUMBER_ID
from tests.desk import Desk
from tests.processes import embedded_directory
from tests.web_server import Web
from uploads.models import FileUpload


@pytest.fixture
def number() -> WhatsAppNumber:
    return WhatsAppNumber.objects.create(
        tenant_id=1, phone_number_id=PHONE_NUMBER_ID, waba_id="109283746501123"
    )


@pytest.fixture
def whatsapp(client: Client, settings: Any) -> Any:
    """Write from a phone: post what Meta posts, signed, and let the worker work.

    `content` says what kind of message it is, when it is not a text.
    """

    def write(
        text: str = "Namaste",
        *,
        name: str = "Ravi Kumar",
        phone: str = PHONE,
        wamid: str = "wamid.1",
        phone_number_id: str = PHONE_NUMBER_ID,
        **content: Any,
    ) -> Any:
        value = {
            "messaging_product": "whatsapp",
            "metadata": {
                "display_phone_number": "919812340001",
                "phone_number_id": phone_number_id,
            },
            "contacts": [{"profile": {"name": name}, "wa_id": phone}],
            "messages": [
                {
                    "from": phone,
                    "id": wamid,
                    "timestamp": str(int(time.time())),
                    "type": "text",
                    "text": {"body": text},
                    **content,
                }
            ],
        }
        change = {"field": "messages", "value": value}
        entry = {"id": "109283746501123", "changes": [change]}
        body = json.dumps(
            {"object": "whatsapp_business_account", "entry": [entry]}
        ).encode()
        signature = hmac.new(
            settings.WHATSAPP_APP_SECRET[0].encode(), body, hashlib.sha256
        ).hexdigest()
        response = client.post(
            "/webhooks/whatsapp/",
            body,
            content_type="application/json",
            headers={"X-Hub-Signature-256": f"sha256={signature}"},
        )
        call_command("process_webhooks", stdout=io.StringIO())
        return response

    return write


@pytest.fixture
def import_file(tmp_path: Path, settings: Any) -> Any:
    """Upload a customer file and let the worker work; return its upload."""
    settings.MEDIA_ROOT = tmp_path / "kept"

    def upload(text: str, *, name: str = "customers.csv") -> FileUpload:
        path = tmp_path / name
        path.write_text(text)
        call_command(
            "import_customers",
            str(path),
            "--tenant=1",
            "--here",
            "--allow-failed",
            stdout=io.StringIO(),
        )
        return FileUpload.objects.latest("id")

    return upload


@pytest.fixture
def desk(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[Desk]:
    settings.MEDIA_ROOT = str(tmp_path / "kept")
    settings.EMBEDDED = True
    call_command("demo", verbosity=0)
    desk = Desk(live_server.url)
    yield desk
    desk.close()


@pytest.fixture
def web() -> Iterator[Web]:
    with embedded_directory() as directory:
        web = Web(directory)
        try:
            yield web
        finally:
            web.process.terminate()
            web.process.wait()


SLOW_CUSTOMER = """
CREATE OR REPLACE FUNCTION wait_for_ever() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.full_name = 'For Ever' THEN PERFORM pg_sleep(3600); END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER wait_for_ever BEFORE INSERT ON customers
FOR EACH ROW EXECUTE FUNCTION wait_for_ever();
"""


@pytest.fixture
def wait_in_the_database() -> Iterator[None]:
    """Have the database take for ever over a certain customer."""
    with connection.cursor() as cursor:
        cursor.execute(SLOW_CUSTOMER)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER wait_for_ever ON customers")
