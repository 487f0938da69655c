import io
import zipfile

import pytest

from uploads.number_search import Numbers, has_no_text
from uploads.tests.workbooks import row, workbook

ASHA = "919876543210"
OTHER_SHEET = "xl/worksheets/sheet2.xml"


@pytest.mark.parametrize(
    "written",
    [
        "9876543210",
        "+91 98765-43210",
        "(0)98765 43210",
        "98 76 54 32 10",
        "९८७६५४३२१०",
        "٩٨٧٦٥٤٣٢١٠",
        "９８７６５４３２１０",
    ],
)
def test_a_number_is_found_however_it_is_written(written: str) -> None:
    text = f"Name,Mobile\nAsha,{written}\nRavi,9876543211\n"

    assert Numbers([ASHA]).are_in_file(io.BytesIO(text.encode()))
    assert not Numbers(["919876543219"]).are_in_file(io.BytesIO(text.encode()))


@pytest.mark.parametrize("before", range((1 << 20) - 30, (1 << 20) + 2))
def test_a_number_that_two_pieces_share_is_found(before: int) -> None:
    file = io.BytesIO(b"x" * before + "९८७६५४३२१०".encode() + b"y" * 99)

    assert Numbers([ASHA]).are_in_file(file)


def with_member(name: str, xml: str) -> io.BytesIO:
    file = io.BytesIO(workbook(row(1, "Name", "Mobile"), row(2, "Asha", "9800000001")))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(name, xml)
    return file


@pytest.mark.parametrize(
    "cell",
    [
        "<c r='B2'><v>9876543210</v></c>",
        "<c r='B2'><v>9.87654321E9</v></c>",
        "<c r='B2'><v>9.19876543210E11</v></c>",
        "<c t='inlineStr'><is><t>+91 98765 43210</t></is></c>",
        "<si><r><t>98765</t></r><r><rPr><sz val='9'/></rPr><t>43210</t></r></si>",
        "<x:c><x:v>9876543210</x:v></x:c>",
        "<c t='inlineStr'><is><t>९८७६५४३२१०</t></is></c>",
    ],
)
def test_a_number_is_found_in_any_sheet(cell: str) -> None:
    file = with_member(OTHER_SHEET, f"<sheetData><row r='2'>{cell}</row></sheetData>")

    assert Numbers([ASHA]).are_in_file(file)


@pytest.mark.parametrize(
    "cells",
    [
        "<c><v>98765</v></c><c><v>43210</v></c>",
        "<si><t>98765</t></si><si><t>43210</t></si>",
        "<c><v>987654321</v></c>",
        "<c r='98765'/><c r='43210'/>",
    ],
)
def test_digits_of_two_cells_are_no_number(cells: str) -> None:
    assert not Numbers([ASHA]).are_in_file(with_member(OTHER_SHEET, cells))


@pytest.mark.parametrize("damaged", [b"PK\x03\x04 and no more", b"PK\x03\x04" * 9999])
def test_a_workbook_that_cannot_be_opened_may_hold_it(damaged: bytes) -> None:
    assert Numbers([ASHA]).are_in_file(io.BytesIO(damaged))


def test_a_workbook_that_unpacks_to_gigabytes_may_hold_it() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", "<v>1</v>")
        archive.infolist()[0].file_size = 2 << 30  # as it claims

    assert Numbers([ASHA]).are_in_file(file)


def test_text_is_told_from_what_has_none() -> None:
    assert has_no_text(io.BytesIO("Name,Mobile\n".encode("utf-16")))
    assert has_no_text(io.BytesIO(b"\xd0\xcf\x11\xe0" + bytes(9)))
    assert not has_no_text(io.BytesIO("Name,Mobile\nआशा\n".encode()))
    assert not has_no_text(with_member(OTHER_SHEET, ""))


def test_a_masked_text_says_what_is_left_of_it() -> None:
    numbers = Numbers([ASHA])

    assert numbers.masked("dues +91 98765-43210.csv") == "dues +91 ….csv"
    assert numbers.masked("Übertrag ९८७६५४३२१०") == "Übertrag …"
