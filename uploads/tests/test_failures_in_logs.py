"""A failure is logged so that it can be found, and without the people in its text."""

from pathlib import Path

import pytest
from django.db import connection
from django.utils.timezone import now

from uploads.models import FileUpload
from uploads.processing import finish_upload, load_next_part
from uploads.reading import read_upload
from uploads.tests.factories import make_upload
from uploads.tests.poison import forbid_line

pytestmark = pytest.mark.django_db

NAME, PHONE = "Asha Verma", "9876543210"
TEXT = f"Name,Mobile\n{NAME},{PHONE}\n"


def refuse_all_rows(*, sqlstate: str) -> None:
    """Have PostgreSQL fail at the first row, as with a full disk or a broken index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{sqlstate}'; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON customers"
            " FOR EACH ROW EXECUTE FUNCTION refuse()"
        )


def test_a_broken_rule_is_logged_without_the_row_that_broke_it(tenant, caplog) -> None:
    forbid_line(2)
    upload = make_upload(TEXT, tenant=tenant)
    read_upload(upload_id=upload.pk, now=now())

    load_next_part(now=now(), upload_id=upload.pk)

    assert "CheckViolation, rule poison" in caplog.text
    assert "in load_part" in caplog.text
    assert NAME not in caplog.text
    assert PHONE not in caplog.text


def test_a_failed_copy_is_logged_without_its_line(tenant, caplog) -> None:
    refuse_all_rows(sqlstate="XX001")
    upload = make_upload(TEXT, tenant=tenant)
    read_upload(upload_id=upload.pk, now=now())

    load_next_part(now=now(), upload_id=upload.pk)

    assert "SQLSTATE XX001" in caplog.text
    assert NAME not in caplog.text
    assert PHONE not in caplog.text


def test_counts_over_their_total_are_logged_without_the_uploads_row(
    tenant, caplog
) -> None:
    upload = make_upload(TEXT, tenant=tenant, name=f"dues {PHONE}.csv")
    read_upload(upload_id=upload.pk, now=now())
    FileUpload.objects.filter(pk=upload.pk).update(total_rows=0)

    load_next_part(now=now(), upload_id=upload.pk)

    assert "rule file_uploads_counts_within_total" in caplog.text
    assert PHONE not in caplog.text


def test_counts_under_their_total_are_logged_without_the_uploads_row(
    tenant, caplog
) -> None:
    upload = make_upload(TEXT, tenant=tenant, name=f"dues {PHONE}.csv")
    read_upload(upload_id=upload.pk, now=now())
    FileUpload.objects.filter(pk=upload.pk).update(total_rows=9)
    load_next_part(now=now(), upload_id=upload.pk)

    finish_upload(upload_id=upload.pk, now=now())

    assert "rule file_uploads_completed_counts_honest" in caplog.text
    assert PHONE not in caplog.text


def test_what_the_reader_stumbles_over_is_logged_without_its_own_text(
    tenant, caplog, settings
) -> None:
    upload = make_upload(TEXT, tenant=tenant)
    # A storage names the file in its errors, this one the person.
    upload.file.name = f"uploads/{PHONE}"
    upload.save(update_fields=["file"])
    (Path(settings.MEDIA_ROOT) / upload.file.name).mkdir()

    read_upload(upload_id=upload.pk, now=now())

    assert "IsADirectoryError, Is a directory" in caplog.text
    assert "in _rows_file" in caplog.text
    assert PHONE not in caplog.text
