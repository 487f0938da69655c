"""Entries as lines of COPY: each with an id and a fingerprint of its own."""

import uuid
from datetime import UTC, datetime

from uploads.copy_lines import LineWriter
from uploads.rows import Entries

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
COLUMNS = ("full_name", "primary_phone")


def writer() -> LineWriter:
    return LineWriter(COLUMNS, tenant_id=7, upload_id=9, now=NOW)


def entries(count: int, name: str = "Asha") -> Entries:
    values = ([name] * count, ["+919876543210"] * count)
    return Entries(range(2, count + 2), dict(zip(COLUMNS, values, strict=True)))


def cells(lines: bytes) -> list[list[str]]:
    return [line.split("\t") for line in lines.decode().removesuffix("\n").split("\n")]


def test_a_line_has_the_columns_it_says() -> None:
    written = writer()

    (line,) = cells(written.lines(entries(1)))

    assert written.columns == (
        "id", "tenant_id", "upload_id", "row_number", *COLUMNS, "fingerprint",
    )  # fmt: skip
    assert line[1:-1] == ["7", "9", "2", "Asha", "+919876543210"]
    assert len(line) == len(written.columns)


def test_what_is_written_to_columns_is_read_back_as_it_was() -> None:
    (line,) = cells(writer().lines(entries(1, name="back\\slash \\N")))

    assert line[4] == "back\\\\slash \\\\N"


def test_ids_are_of_version_7_and_follow_each_other() -> None:
    written = writer()

    lines = cells(written.lines(entries(3_000)) + written.lines(entries(3_000)))
    ids = [uuid.UUID(line[0]) for line in lines]

    assert {(one.version, one.variant) for one in ids} == {(7, uuid.RFC_4122)}
    assert ids == sorted(set(ids))
    assert {one.int >> 80 for one in ids} == {int(NOW.timestamp() * 1000)}


def test_two_writers_of_one_moment_share_nothing() -> None:
    lines = [line for _ in range(50) for line in cells(writer().lines(entries(20)))]

    assert len({line[0] for line in lines}) == 1_000
    assert len({line[-1] for line in lines}) == 1_000
    assert {len(bytes.fromhex(line[-1])) for line in lines} == {16}


def test_no_entries_are_no_lines() -> None:
    assert writer().lines(entries(0)) == b""
