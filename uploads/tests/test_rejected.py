"""Refused rows go out as a file, are mended, and come in again."""

import csv
import io
import zipfile
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from python_calamine import load_workbook

from customers.models import Customer
from customers.spreadsheet_cells import spreadsheet_cell
from tenants.tests.factories import MembershipFactory, TenantFactory
from uploads.models import FileUpload, RowIssue
from uploads.rejected import STILL_TO_MEND
from uploads.rejected_files import KeptFileGone, rejected_file
from uploads.retention import purge_issues
from uploads.services import create_upload
from uploads.tests.factories import load, make_upload, work_off
from uploads.tests.workbooks import row, workbook

pytestmark = pytest.mark.django_db

AADHAAR = "345678129046"
WRONG_AADHAAR = "234123412347"


def written(upload: FileUpload) -> str:
    return b"".join(rejected_file(upload).chunks).decode("utf-8-sig")


def table(upload: FileUpload, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(written(upload)), delimiter=delimiter))


def send_again(upload: FileUpload, sent: str | bytes) -> FileUpload:
    data = sent.encode("utf-8-sig") if isinstance(sent, str) else sent
    child = create_upload(
        tenant=upload.tenant,
        file=ContentFile(data),
        name="mended.csv",
        uploaded_by=None,
        parent=upload,
        now=timezone.now(),
        queue=False,
    )
    return work_off(child)


def test_refused_rows_come_back_in_their_columns_with_line_and_reasons() -> None:
    upload = load(
        "Loan No,Name,Mobile,Note\n"
        "L1,Asha,9876543210,a\n"
        "L2,Vikram,98,b\n"
        "L3,Meera,9876543212,c\n"
        "L4,,9.19E+11,d\n"
    )

    assert table(upload) == [
        ["Loan No", "Name", "Mobile", "Note", "_line", "_error"],
        [
            "L2", "Vikram", "98", "b", "3",
            "Mobile: " + RowIssue.objects.get(line=3).message,
        ],
        [
            "L4", "", "9.19E+11", "d", "5",
            "Name: The name is missing. Mobile: Excel has destroyed digits: format the "
            "column as text, enter it again.",
        ],
    ]  # fmt: skip


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_file_has_the_delimiter_it_came_with(delimiter: str) -> None:
    text = "Name,Mobile\nAsha;|Verma,12\n".replace(",", delimiter)
    upload = load(text.replace("Asha;|Verma", '"Asha;|Verma\tRao"'))

    assert table(upload, delimiter)[1][:2] == ["Asha;|Verma\tRao", "12"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_field_of_the_file_is_quoted(delimiter: str) -> None:
    upload = load("Name,Mobile,Note\nAsha,12,\n".replace(",", delimiter))

    header, row = written(upload).splitlines()

    assert header == delimiter.join(
        ['"Name"', '"Mobile"', '"Note"', '"_line"', '"_error"']
    )
    assert row.split(delimiter)[:4] == ['"Asha"', '"12"', '""', '"2"']


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "cp1252"])
def test_a_file_of_any_encoding_comes_back_as_utf8_with_a_mark(encoding: str) -> None:
    upload = load("Name,Mobile,City\nJosé Müller,12,Göa\n".encode(encoding))

    data = b"".join(rejected_file(upload).chunks)

    assert data.startswith(b"\xef\xbb\xbf")
    assert table(upload)[1][:3] == ["José Müller", "12", "Göa"]


HARMLESS = [
    "+919876543210",
    "+91 98765 43210",
    "-1500.50",
    "O'Brien",
    "'quoted'",
    "1=1",
]
FORMULAS = ["=1+1", "+1+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", '=HYPERLINK("x")']
# Where another program begins a cell, which is not where ours does.
FORMULAS_INSIDE = [
    "x,=cmd|' /C calc'!A0",
    'x;"=1+1',
    "x\n@SUM(A1)",
    "x|'=1+1",
    "x;\t=1+1;-1",
]


@pytest.mark.parametrize("text", FORMULAS + FORMULAS_INSIDE)
def test_a_formula_goes_out_escaped_and_comes_in_as_it_was(text: str) -> None:
    quoted = '"' + text.replace('"', '""') + '"'
    upload = load(f"Name,Mobile,Note\nAsha,12,{quoted}\n")

    out = written(upload)
    child = send_again(upload, out.replace('"12"', '"9876543210"'))

    assert table(upload)[1][2] == spreadsheet_cell(text) != text
    assert child.sentence == "Upload completed: 1 successful, 0 failed"
    assert Customer.objects.get().extra == {"Note": text}


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_formula_goes_out_and_comes_in_untouched(text: str) -> None:
    upload = load(f"Name,Mobile,Note\nAsha,12,{text}\n")

    out = written(upload)
    send_again(upload, out.replace('"12"', '"9876543210"'))

    assert table(upload)[1][2] == text
    assert Customer.objects.get().extra == {"Note": text}


def test_a_phone_with_a_plus_comes_in_again_in_every_spelling() -> None:
    upload = load(
        "Name,Mobile,EMI\n"
        "A,+919876543210,x\nB,+91 98765 43211,x\n"
        "C,+91-98765-43212,x\nD,0 98765-43213,x\n"
    )

    child = send_again(upload, written(upload).replace('"x"', '"5"'))

    assert child.sentence == "Upload completed: 4 successful, 0 failed"
    assert sorted(Customer.objects.values_list("primary_phone", flat=True)) == [
        f"+91987654321{n}" for n in range(4)
    ]


# National ids


def test_national_ids_go_out_masked_and_come_in_with_their_four() -> None:
    upload = load(
        f"Name,Mobile,Aadhaar,Remark\n"
        f"Asha,12,3456 7812 9046,KYC {AADHAAR}\n"
        f"Vikram,12,ABCDE1234F,x\n"
        f"Meera,12,NA,x\n"
        f"Ravi {AADHAAR},12,XXXX XXXX 2346,x\n"
    )

    out = written(upload)
    child = send_again(upload, out.replace('"12"', '"9876543210"'))

    assert AADHAAR not in out.replace(" ", "")
    assert "ABCDE" not in out
    assert child.sentence == "Upload completed: 4 successful, 0 failed"
    assert list(
        Customer.objects.order_by("row_number").values_list(
            "national_id_masked", flat=True
        )
    ) == ["XXXXXXXX9046", "XXXXXX234F", "", "XXXXXXXX2346"]


def test_a_wrong_national_id_is_masked_and_refused_until_it_is_entered_anew() -> None:
    upload = load(f"Name,Mobile,Aadhaar\nAsha,9876543210,{WRONG_AADHAAR}\n")

    out = written(upload)
    unmended = send_again(upload, out)
    mended = send_again(upload, out.replace("XXXXXXXX2347?", AADHAAR))

    assert WRONG_AADHAAR not in out
    assert (unmended.succeeded_rows, unmended.failed_rows) == (0, 1)
    assert written(unmended) == out.replace(
        RowIssue.objects.get(upload=upload).message,
        RowIssue.objects.get(upload=unmended).message,
    )
    assert (mended.succeeded_rows, mended.failed_rows) == (1, 0)
    assert Customer.objects.get().national_id_masked == "XXXXXXXX9046"


def test_a_second_column_of_national_ids_is_masked_too() -> None:
    upload = load(f"Name,Mobile,Aadhaar,PAN\nAsha,12,{AADHAAR},ABCDE1234F\n")

    assert table(upload)[1][2:4] == ["XXXXXXXX9046", "XXXXXX234F"]


def test_a_loan_number_goes_out_whole_among_others_of_twelve_digits() -> None:
    upload = load(
        f"Name,Mobile,LAN\nAsha,12,{AADHAAR}\n"
        f"Vikram,9876543211,{WRONG_AADHAAR}\nMeera,9876543212,450000000001\n"
    )

    assert table(upload)[1][2] == AADHAAR


# Rows that are no rows


def test_a_ragged_row_keeps_its_cells_and_stays_refused_until_it_is_mended() -> None:
    upload = load(
        "Name,Mobile,EMI,Remark\n"
        "Asha,9876543210,1,250,paid\n"
        "Vikram,9876543211,x\n"
        '"Meera,9876543212,5,x\n'
        "Ravi,9876543213,5,fine\n"
    )
    assert (upload.succeeded_rows, upload.failed_rows) == (1, 3)

    _, long, short, stray = table(upload)
    unmended = send_again(upload, written(upload))

    assert long[:5] == ["Asha", "9876543210", "1", "250", "2"]
    assert long[6:] == ["paid"]
    assert short[:5] == ["Vikram", "9876543211", "x", "", "3"]
    assert short[6:] == [STILL_TO_MEND]
    assert stray == ['"Meera,9876543212,5,x', "", "", "", "4", stray[5], STILL_TO_MEND]
    assert (unmended.succeeded_rows, unmended.failed_rows) == (0, 3)

    mended = send_again(
        upload,
        "Name,Mobile,EMI,Remark,_line,_error\n"
        'Asha,9876543210,"1,250",paid,2,was ragged,\n'
        "Vikram,9876543211,5,x,3,was ragged\n",
    )
    assert mended.sentence == "Upload completed: 2 successful, 0 failed"


def test_a_row_in_another_encoding_goes_out_and_stays_refused() -> None:
    good = "".join(f"आशा,98765432{n:02}\n" for n in range(9)).encode()
    upload = load(b"Name,Mobile\n" + good + b"Jos\xe9,9876543299\n")
    assert (upload.succeeded_rows, upload.failed_rows) == (9, 1)

    assert table(upload)[1][:2] == ["Jos\ufffd", "9876543299"]
    assert send_again(upload, written(upload)).succeeded_rows == 0


def test_an_id_in_a_ragged_row_is_masked() -> None:
    upload = load(
        f"Name,Mobile,Aadhaar,EMI\nAsha,98,{WRONG_AADHAAR},1,250\nMeera,{AADHAAR},5\n"
    )

    out = written(upload)

    assert WRONG_AADHAAR not in out
    assert AADHAAR not in out


def test_lines_below_blank_ones_and_quoted_line_ends_are_the_right_ones() -> None:
    upload = load(
        'A list of March\n\nName,Mobile,Note\nAsha,12,"two\nlines"\n\nVikram,13,x\n'
    )

    rows = table(upload)[1:]

    assert [(row[0], row[-2]) for row in rows] == [("Asha", "4"), ("Vikram", "7")]
    assert rows[0][2] == "two\nlines"


def test_every_refused_row_of_many_parts_comes_back_once(settings) -> None:
    bad = {n for n in range(45_000) if n % 900 == 7}
    upload = load(
        "Name,Mobile\n"
        + "".join(f"A,{'x' if n in bad else '98765'}{n:05}\n" for n in range(45_000))
    )
    assert upload.parts.count() == 3

    rows = table(upload)[1:]

    assert [int(row[2]) for row in rows] == [n + 2 for n in sorted(bad)]
    assert len(rows) == upload.failed_rows


def test_a_mended_file_that_fails_again_has_its_helpers_once() -> None:
    upload = load("Name,Mobile\nAsha,12\n")

    child = send_again(upload, written(upload))

    assert table(child)[0] == ["Name", "Mobile", "_line", "_error"]
    assert table(child)[1][:3] == ["Asha", "12", "2"]
    assert "_line" not in str(child.notices)


# As a workbook


def workbook_rows(data: bytes) -> list[list[object]]:
    return load_workbook(io.BytesIO(data)).get_sheet_by_index(0).to_python()


def test_refused_rows_of_a_workbook_go_back_as_a_workbook_of_texts() -> None:
    sent = workbook(
        row(1, "Dues of March"),
        row(3, "Name", "Mobile", "Note", "EMI"),
        row(4, "Asha", 919876, "=1+1", 500),
        row(6, "Vikram", 919876543210, "fine", 1500.5),
        row(7, "Meera", 9876543211, "x", '<c t="e"><v>#REF!</v></c>'),
    )
    upload = load(sent)
    assert (upload.succeeded_rows, upload.failed_rows) == (1, 2)

    file = rejected_file(upload)
    data = b"".join(file.chunks)

    assert file.name == "overdue-refused-rows.xlsx"
    header, asha, meera = workbook_rows(data)
    assert header == ["Name", "Mobile", "Note", "EMI", "_line", "_error"]
    assert asha[:5] == ["Asha", "919876", "'=1+1", "500", "4"]
    assert meera[:5] == ["Meera", "9876543211", "x", "#REF!", "7"]
    members = zipfile.ZipFile(io.BytesIO(data))
    assert "<f>" not in members.read("xl/worksheets/sheet1.xml").decode()
    assert 'formatCode="@"' in members.read("xl/styles.xml").decode()  # text

    again = send_again(upload, data)
    assert (again.succeeded_rows, again.failed_rows) == (0, 2)


def test_a_mended_workbook_comes_in_as_it_was() -> None:
    upload = load(workbook(row(1, "Name", "Mobile", "N"), row(2, "A", 12, "=1+1")))
    data = b"".join(rejected_file(upload).chunks)
    header, cells = workbook_rows(data)
    cells[1] = "9876543210"

    child = send_again(upload, workbook(row(1, *header), row(2, *cells)))

    assert child.sentence == "Upload completed: 1 successful, 0 failed"
    assert Customer.objects.get().extra == {"N": "=1+1"}


# The page, the command


@pytest.fixture
def clerk(client: Client) -> User:
    user = MembershipFactory.create().user
    user.groups.add(Group.objects.get(name="Staff"))
    client.force_login(user)
    return user


@pytest.fixture
def tenant(clerk: User):
    return clerk.memberships.get().tenant


BAD = "Name,Mobile\nAsha,9876543210\nVikram,12\n"


def file_of(upload: FileUpload) -> str:
    return reverse("admin:uploads_fileupload_rejected", args=[upload.pk])


def page_of(upload: FileUpload) -> str:
    return reverse("admin:uploads_fileupload_change", args=[upload.pk])


def test_staff_download_the_file_and_it_is_kept_who_did(
    client: Client, clerk: User, tenant
) -> None:
    upload = load(BAD, tenant=tenant, name="मार्च list.csv")
    assert file_of(upload) in client.get(page_of(upload)).content.decode()

    client.head(file_of(upload))
    answer = client.get(file_of(upload))

    assert b"".join(answer.streaming_content).decode("utf-8-sig") == written(upload)
    assert "attachment" in answer["Content-Disposition"]
    assert "list-refused-rows.csv" in answer["Content-Disposition"]
    act = upload.acts.get(act="exported")
    assert (act.by, act.row_count) == (clerk, 1)


def test_an_upload_without_refused_rows_offers_no_file(client: Client, tenant) -> None:
    for upload in (load(tenant=tenant), make_upload(tenant=tenant)):
        assert file_of(upload) not in client.get(page_of(upload)).content.decode()

        answer = client.get(file_of(upload), follow=True)

        assert "No row of this upload was refused" in answer.content.decode()


def test_a_kept_file_that_is_gone_is_told(client: Client, tenant) -> None:
    upload = load(BAD, tenant=tenant)
    upload.file.storage.delete(upload.file.name)

    answer = client.get(file_of(upload), follow=True)

    assert "The kept file was deleted" in answer.content.decode()
    assert not upload.acts.filter(act="exported").exists()
    with pytest.raises(KeptFileGone):
        rejected_file(upload)


def test_issues_that_are_kept_no_longer_are_told(client: Client, tenant) -> None:
    upload = load(BAD, tenant=tenant)
    purge_issues(days=30, now=timezone.now() + timedelta(days=31))

    answer = client.get(file_of(upload), follow=True)
    look = client.head(file_of(upload))

    assert "What was wrong with the rows is kept no longer" in answer.content.decode()
    assert look.status_code == 302
    assert not upload.acts.filter(act="exported").exists()


def test_a_stranger_and_who_may_not_read_rows_get_no_file(
    client: Client, clerk: User, tenant
) -> None:
    theirs, own = load(BAD), load(BAD, tenant=tenant)
    nothing = client.get(reverse("admin:uploads_fileupload_change", args=[999_999]))

    answer = client.get(file_of(theirs))
    clerk.groups.get().permissions.remove(
        *clerk.groups.get().permissions.filter(codename="view_rowissue")
    )

    assert (answer.status_code, answer.content) == (404, nothing.content)
    assert client.get(file_of(own)).status_code == 403
    assert not theirs.acts.filter(act="exported").exists()


def test_a_mended_file_goes_up_linked_to_its_parent(client: Client, tenant) -> None:
    parent = load(BAD, tenant=tenant, name="<b>dues.csv")
    add = f"{reverse('admin:uploads_fileupload_add')}?parent={parent.pk}"
    assert add in client.get(page_of(parent)).content.decode()
    form = client.get(add).content.decode()
    assert "Send the mended rows of &lt;b&gt;dues.csv" in form
    link = f'<a class="upload-link" href="{page_of(parent)}">&lt;b&gt;dues'
    assert f"The mended rows of {link}" in form

    file = io.BytesIO(written(parent).replace('"12"', '"9876543219"').encode())
    file.name = "mended.csv"
    client.post(add, {"tenant": tenant.pk, "file": file, "start_at_once": "on"})

    child = work_off(FileUpload.objects.first())
    assert child.parent == parent
    assert child.sentence == "Upload completed: 1 successful, 0 failed"
    assert page_of(parent) in client.get(page_of(child)).content.decode()
    assert page_of(child) in client.get(page_of(parent)).content.decode()


def test_a_strangers_upload_cannot_be_corrected(client: Client, tenant) -> None:
    theirs = load(BAD)
    add = reverse("admin:uploads_fileupload_add")
    file = {"file": ContentFile(BAD.encode(), name="a.csv"), "tenant": tenant.pk}

    for parent in (theirs.pk, 999_999, "x"):
        assert client.get(f"{add}?parent={parent}").status_code == 404
        assert client.post(f"{add}?parent={parent}", file).status_code == 404
    assert FileUpload.objects.count() == 1


def test_a_mended_file_stays_with_the_tenant_of_its_parent(
    client: Client, clerk: User, tenant
) -> None:
    parent = load(BAD, tenant=tenant)
    other = MembershipFactory.create(user=clerk).tenant

    page = client.post(
        f"{reverse('admin:uploads_fileupload_add')}?parent={parent.pk}",
        {"tenant": other.pk, "file": ContentFile(BAD.encode(), name="a.csv")},
    )

    assert "The mended rows belong to" in page.content.decode()
    assert FileUpload.objects.count() == 1


def test_the_command_writes_refused_rows_and_links_mended_ones(tmp_path) -> None:
    tenant = TenantFactory.create()
    file, refused = tmp_path / "a.csv", tmp_path / "refused.csv"
    file.write_text(BAD)
    arguments = ["--tenant", str(tenant.pk), "--here", "--json", "--allow-failed"]

    call_command(
        "import_customers", str(file), "--rejected", str(refused), *arguments,
        stdout=io.StringIO(),
    )  # fmt: skip
    parent = FileUpload.objects.get()
    assert refused.read_bytes() == b"".join(rejected_file(parent).chunks)
    assert parent.acts.filter(act="exported", row_count=1).exists()

    refused.write_text(refused.read_text("utf-8-sig").replace('"12"', '"9876543219"'))
    call_command(
        "import_customers", str(refused), "--corrects", str(parent.pk), *arguments,
        stdout=io.StringIO(),
    )  # fmt: skip
    child = FileUpload.objects.first()
    assert (child.parent, child.succeeded_rows) == (parent, 1)


def test_the_command_corrects_no_strangers_upload(tmp_path) -> None:
    theirs, tenant = load(BAD), TenantFactory.create()
    file = tmp_path / "a.csv"
    file.write_text(BAD)

    with pytest.raises(CommandError, match=f"has no upload {theirs.pk}"):
        call_command(
            "import_customers", str(file), "--tenant", str(tenant.pk),
            "--corrects", str(theirs.pk), "--here",
        )  # fmt: skip
    assert FileUpload.objects.count() == 1
