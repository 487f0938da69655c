import pytest
from cryptography.fernet import Fernet
from django.db import IntegrityError, connection, transaction

from tenants.encryption import UnreadableSecret
from tenants.models import Tenant, WhatsAppNumber
from tenants.tests.factories import TenantFactory, WhatsAppNumberFactory

pytestmark = pytest.mark.django_db


def test_a_tenant_inserted_with_a_name_alone_gets_the_rest_from_the_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO tenants (name) VALUES ('A'), ('B')")

    one, other = Tenant.objects.filter(name__in="AB")
    assert one.slug.startswith("tenant-")
    assert one.slug != other.slug
    assert (one.country, one.timezone) == ("IN", "Asia/Kolkata")


def test_the_default_tenant_is_there_and_later_ones_get_ids_past_it() -> None:
    assert Tenant.objects.get(pk=1).name == "Default Tenant"
    assert TenantFactory.create().pk > 1


def test_a_secret_is_stored_encrypted_and_read_back_whole() -> None:
    number = WhatsAppNumberFactory.create(app_secret="s3cret", access_token="EAAG")

    with connection.cursor() as cursor:
        cursor.execute("SELECT app_secret, access_token FROM whatsapp_numbers")
        stored = "".join(cursor.fetchone())
    assert "s3cret" not in stored
    assert "EAAG" not in stored
    number.refresh_from_db()
    assert (number.app_secret, number.access_token) == ("s3cret", "EAAG")


def test_a_rotated_key_still_reads_what_the_old_one_wrote(settings) -> None:
    number = WhatsAppNumberFactory.create(app_secret="s3cret")

    settings.FIELD_ENCRYPTION_KEYS = [
        Fernet.generate_key().decode(),
        *settings.FIELD_ENCRYPTION_KEYS,
    ]

    assert WhatsAppNumber.objects.get(pk=number.pk).app_secret == "s3cret"


def test_a_secret_under_a_lost_key_is_an_error_and_never_ciphertext(settings) -> None:
    WhatsAppNumberFactory.create(app_secret="s3cret")

    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(UnreadableSecret, match="FIELD_ENCRYPTION_KEYS"):
        WhatsAppNumber.objects.get()


def test_a_phone_number_id_belongs_to_one_tenant() -> None:
    number = WhatsAppNumberFactory.create()

    with pytest.raises(IntegrityError), transaction.atomic():
        WhatsAppNumberFactory.create(phone_number_id=number.phone_number_id)
