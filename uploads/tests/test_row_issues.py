"""What is wrong with rows is told in full, and in no more words than that takes."""

import csv
import io

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tenants.tests.factories import MembershipFactory, TenantFactory
from uploads.models import RowIssue, UploadPart
from uploads.progress import GROUPS_LISTED, count_groups_not_listed, group_issues
from uploads.rejected_files import rejected_file
from uploads.row_issues import MOST_ISSUES
from uploads.tests.factories import FileUploadFactory, load
from uploads.tests.reviews import page_of

pytestmark = pytest.mark.django_db


def wide(columns: int) -> tuple[str, str]:
    """Return headers of columns that are only kept, and a row of errors in them."""
    headers = ",".join(f"Lookup {number}" for number in range(columns))
    return headers, ",".join(["#REF!"] * columns)


def test_a_wide_row_of_errors_has_a_bounded_number_of_issues() -> None:
    headers, errors = wide(300)

    upload = load(f"{headers},Name,Mobile\n{errors},Asha,12\n{errors[:-5]},Bo,34\n")

    assert (upload.succeeded_rows, upload.failed_rows) == (0, 2)
    issues = upload.issues.filter(line=2).order_by("id")
    assert [issue.column_name for issue in issues] == [
        "Mobile",
        *(f"Lookup {number}" for number in range(MOST_ISSUES - 1)),
        "",
    ]
    assert issues.last().code == "more_issues"
    assert issues.last().value_masked == "281 more cells"
    assert "the first 20 are listed" in issues.last().message
    assert upload.issues.filter(line=3).last().value_masked == "280 more cells"


def test_a_row_with_as_many_issues_as_are_listed_has_no_more() -> None:
    for columns, last in ((MOST_ISSUES, "#REF!"), (MOST_ISSUES + 1, "1 more cell")):
        headers, errors = wide(columns)

        upload = load(f"Name,Mobile,{headers}\nAsha,9876500000,{errors}\n")

        assert upload.issues.order_by("id").last().value_masked == last


def test_the_file_of_refused_rows_says_how_many_issues_are_not_listed() -> None:
    headers, errors = wide(300)

    upload = load(f"Name,Mobile,{headers}\nAsha,12,{errors}\n")

    text = b"".join(rejected_file(upload).chunks).decode("utf-8-sig")
    refused = next(csv.DictReader(io.StringIO(text)))["_error"]
    assert refused.startswith("Mobile: ")
    assert refused.count("Excel shows an error") == MOST_ISSUES - 1
    assert ". 281 more cells. Of a row" in refused


def test_the_page_says_how_many_kinds_of_problems_it_leaves_out(
    client: Client, clerk: User, tenant
) -> None:
    count = GROUPS_LISTED + 3
    rows = [",".join("#REF!" if a == b else "" for b in range(count)) for a in range(3)]
    upload = FileUploadFactory.create(tenant=tenant, status="completed")
    RowIssue.objects.bulk_create(
        RowIssue(
            upload=upload, line=n + 2, column_name=f"Lookup {n}", code="cell_error"
        )
        for n in range(count)
    )
    small = load("Name,Mobile,A,B,C\n" + "".join(f"x,1,{row}\n" for row in rows))

    assert count_groups_not_listed(upload, group_issues(upload)) == 3
    page = client.get(page_of(upload)).content.decode()
    assert "3 more kinds of problems, of fewer rows each, are not in this table" in page
    assert count_groups_not_listed(small, group_issues(small)) == 0


def test_issues_beyond_what_is_held_in_memory_are_all_kept() -> None:
    headers, errors = wide(30)
    rows = "".join(f"Asha,{98765_00000 + n},{errors}\n" for n in range(2_000))

    upload = load(f"Name,Mobile,{headers}\n{rows}")

    assert (upload.succeeded_rows, upload.failed_rows) == (0, 2_000)
    assert upload.issues.count() == 2_000 * (MOST_ISSUES + 1)
    assert upload.issues.values("line").distinct().count() == 2_000


@pytest.mark.parametrize(
    "text",
    ["\\.", "a\n\\.\nb", '"', "a\\nb", "\\N", "x\ty", "", "zwölf", "a\r\nb,c"],
    ids=repr,
)
def test_an_issue_keeps_what_stood_in_the_cell(text: str) -> None:
    quoted = text.replace('"', '""')

    upload = load(f'Name,Mobile,State,EMI\nAsha,9876500000,Goa,"{quoted}x"\n')

    assert upload.issues.get().value_masked == f"{text}x"


@pytest.mark.parametrize("model", [RowIssue, UploadPart])
def test_a_list_of_issues_or_parts_names_the_uploads_of_the_tenant(
    client: Client, clerk: User, tenant, django_assert_max_num_queries, model
) -> None:
    upload = load("Name,Mobile\nAsha,12\n", tenant=tenant)
    stranger = TenantFactory.create()
    load("Name,Mobile\nBina,34\n", tenant=stranger)
    MembershipFactory.create(tenant=stranger)
    url = reverse(f"admin:uploads_{model._meta.model_name}_changelist")

    with django_assert_max_num_queries(30) as asked:
        shown = list(client.get(url).context["cl"].result_list)

    assert [row.upload_id for row in shown] == [upload.pk]
    lists = [
        query["sql"]
        for query in asked.captured_queries
        if f'FROM "{model._meta.db_table}"' in query["sql"] and "LIMIT" in query["sql"]
    ]
    assert lists
    assert all(f'"upload_id" IN ({upload.pk})' in sql for sql in lists)
