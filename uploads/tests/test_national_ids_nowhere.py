"""A national id stands whole nowhere: not in a table, the log, a page or a file."""

import logging
import re

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from tenants.tests.factories import MembershipFactory
from uploads.national_ids import passes_verhoeff
from uploads.rejected_files import rejected_file
from uploads.tests.everywhere import texts_of_all_tables
from uploads.tests.factories import load

pytestmark = pytest.mark.django_db


def aadhaar_numbers(count: int) -> list[str]:
    """Numbers that pass the check and share no stretch of digits."""
    found = []
    for n in range(10**9):
        digits = f"{(n * 7919 + 3) % 8 + 2}{(n * 104729 + 12345) % 10**11:011}"
        if passes_verhoeff(digits):
            found.append(digits)
            if len(found) == count:
                return found
    raise AssertionError


def spaced(digits: str, mark: str = " ") -> str:
    return mark.join((digits[:4], digits[4:8], digits[8:]))


def joined(text: str) -> str:
    """The text, and once more with its groups of digits run together."""
    return text + re.sub(r"(?<=\d)[\s.\-–_/]{1,2}(?=\d)", "", text)


def test_aadhaar_numbers_are_whole_in_no_table_log_page_or_file(
    client: Client, caplog, settings
) -> None:
    settings.LOG_PERSONAL_DATA = True
    user = MembershipFactory.create().user
    user.groups.add(Group.objects.get(name="Staff"))
    client.force_login(user)
    ids = iter(aadhaar_numbers(20))
    used: list[str] = []

    def fresh(write=str) -> str:
        used.append(next(ids))
        return write(used[-1])

    text = (
        f"List {fresh(spaced)}\n"
        f"Name,Mobile,Aadhaar,UID,EMI,Due Date,State,Email,Remark {fresh()}\n"
        # Good rows: in the id's column, a second one, a remark, a name.
        f"Asha {fresh()},9876543210,{fresh()},{fresh(spaced)},5,2024-11-15,"
        f"Goa {fresh()},a@example.com,KYC {fresh(spaced)} seen\n"
        # Bad rows: in each cell that is refused, and in those that are not.
        f"Vikram,12,{fresh(spaced)},{fresh()},x {fresh()},{fresh()},Goa,"
        f"{fresh()}@example.com,{fresh()}\n"
        f"Meera {fresh()},{fresh()},{fresh()},,1,250,2024-11-15,Goa,b@example.com,x\n"
        f'"Ravi {fresh()},9876543219,5\n'
    )

    with caplog.at_level(logging.DEBUG):
        upload = load(
            text, tenant=user.memberships.get().tenant, name=f"{fresh(spaced)}.csv"
        )
        file = b"".join(rejected_file(upload).chunks).decode("utf-8-sig")
        pages = [
            client.get(address).content.decode()
            for address in (
                reverse("admin:uploads_fileupload_change", args=[upload.pk]),
                reverse("admin:uploads_fileupload_changelist"),
                reverse("admin:uploads_rowissue_changelist"),
                reverse("admin:customers_customer_changelist"),
                reverse("admin:uploads_fileupload_undo", args=[upload.pk]),
            )
        ]

    assert (upload.succeeded_rows, upload.failed_rows) == (1, 3)
    for place, everything in {
        "tables": texts_of_all_tables(),
        "log": caplog.text,
        "rejected rows": file,
        "pages": "".join(pages),
    }.items():
        whole = [digits for digits in used if digits in joined(everything)]
        assert not whole, f"{whole} stand in the {place}"
    asha, vikram = used[3], used[7]
    assert f"XXXXXXXX{asha[8:]}" in texts_of_all_tables()
    assert f"XXXXXXXX{vikram[8:]}" in file
