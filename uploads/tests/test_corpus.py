"""Every file of the corpus makes the rows, and only the rows, that are expected."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from customers.models import Customer
from uploads.models import FileUpload, RowIssue
from uploads.tests.everywhere import texts_of_all_tables
from uploads.tests.factories import load

FILES = Path(__file__).parent / "files"
EXPECTED: dict[str, dict[str, Any]] = {
    name: expected
    for path in sorted(FILES.glob("expected*.json"))
    for name, expected in json.loads(path.read_text("utf-8")).items()
}


# Too big to be copied here; beside the checkout they may lie.
SHARED = settings.BASE_DIR.parent / "shared" / "corpus" / "customers"
BIG = [
    "i16_zip_bomb_many_strings.xlsx",
    "i55_3000_rows.xlsx",
    "j03_5000_rows.csv",
    "j05_200kB_cell.csv",
    "j14_25000_rows_quoted_newlines.csv",
]


@pytest.mark.django_db
@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_of_the_corpus(name: str) -> None:
    _play(name, FILES, EXPECTED[name])


@pytest.mark.django_db
@pytest.mark.skipif(not SHARED.exists(), reason="the shared corpus is not there")
@pytest.mark.parametrize("name", BIG)
def test_a_big_file_of_the_corpus(name: str) -> None:
    expected = json.loads((SHARED / "expected.json").read_text("utf-8"))
    _play(name, SHARED, expected[name])


def _play(name: str, folder: Path, expected: dict[str, Any]) -> None:
    upload = load((folder / name).read_bytes(), name=name)

    if upload.status == FileUpload.Status.FAILED:
        assert "refused" in [expected["outcome"], *expected.get("accept", [])]
        assert upload.error.startswith("[csv_parse] ")
        assert not Customer.objects.exists()
    else:
        assert "loaded" in [expected["outcome"], *expected.get("accept", [])]
        _assert_rows({**expected, **expected.get("if_loaded", {})}, upload)
    _assert_absent(expected)


def _assert_rows(expected: dict[str, Any], upload: FileUpload) -> None:
    entries = {entry.row_number: entry for entry in Customer.objects.all()}
    failed = set(RowIssue.objects.values_list("line", flat=True))
    either = set(expected.get("either_lines", []))
    loose = set(expected.get("loose_lines", []))

    assert failed.isdisjoint(entries)
    assert loose.isdisjoint(entries)
    assert failed - either - loose == set(expected["failed_lines"]) - either - loose
    assert upload.succeeded_rows == len(entries)
    assert upload.failed_rows == len(failed)
    assert upload.total_rows == len(entries) + len(failed)
    wanted = expected["succeeded"] + expected["failed"]
    assert wanted - len(loose) <= upload.total_rows <= wanted + len(loose)
    for row in expected["rows"]:
        if row["line"] in either and row["line"] not in entries:
            continue
        _assert_entry(entries[row["line"]], row)


def _assert_entry(entry: Customer, row: dict[str, Any]) -> None:
    for field, value in row.items():
        if field == "line":
            continue
        if field == "extra_has":
            kept = json.dumps(entry.extra, ensure_ascii=False)
            assert all(text in kept for text in value)
        elif field == "national_id_last4":
            assert entry.national_id_masked.endswith(value or "")
            assert bool(entry.national_id_masked) is bool(value)
        else:
            found = getattr(entry, field)
            allowed = value if isinstance(value, list) else [value]
            assert (None if found in (None, "") else str(found)) in allowed, field


def _assert_absent(expected: dict[str, Any]) -> None:
    if not (expected.get("absent") or expected.get("absent_text")):
        return
    everything = texts_of_all_tables()
    for text in [*expected.get("absent", []), *expected.get("absent_text", [])]:
        assert text not in everything


@pytest.mark.django_db
def test_line_numbers_are_right_over_several_parts() -> None:
    """As j14 of the corpus: line ends in cells, wherever the file is cut."""
    rows, line, line_of = [], 2, {}
    for number in range(25_000):
        phone = "bad" if number % 5000 == 17 else f"98765{number:05}"
        line_of[f"+91{phone}"] = line
        rows.append(f"Asha,{phone}," + ('"a\nb"' if number % 97 == 0 else "x" * 40))
        line += 2 if number % 97 == 0 else 1

    upload = load("\n".join(["full_name,primary_phone,address", *rows]))

    assert upload.parts.count() == 2
    assert (upload.succeeded_rows, upload.failed_rows) == (24_995, 5)
    entries = Customer.objects.values_list("primary_phone", "row_number")
    assert all(line_of[phone] == number for phone, number in entries)
