import io
import random
from tempfile import TemporaryFile

import pytest

from customers.models import Customer
from uploads.encodings import UnreadableFile
from uploads.models import FileUpload, RowIssue
from uploads.tests.factories import load
from uploads.tests.workbooks import row, workbook, worksheet
from uploads.workbooks.conversion import ReadSheet, write_rows
from uploads.workbooks.values import Meaning, formatted_text, number_text

HEADER = row(1, "Name", "Mobile")
ASHA = row(2, "Asha", 9876543210)
HIDDEN = '<sheet name="Codes" sheetId="2" state="{}" r:id="rId2"/>'
DUES = '<sheet name="Dues" sheetId="1" r:id="rId1"/>'
CHART = '<sheet name="Chart" sheetId="3" r:id="rId3"/>'


def read(data: bytes) -> tuple[list[str], ReadSheet]:
    with TemporaryFile() as target:
        sheet = write_rows(io.BytesIO(data), target)
        target.seek(0)
        return target.read().decode().splitlines(), sheet


def lines_of(*rows: str, **parts: object) -> list[str]:
    return read(workbook(*rows, **parts))[0]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("9876543210", "9876543210"),
        ("919810000000.0", "919810000000"),
        ("9.87654321E+09", "9876543210"),
        ("9.8765432100000000E9", "9876543210"),
        ("15000.500000000002", "15000.5"),
        ("0.30000000000000004", "0.3"),
        ("4500.5", "4500.5"),
        ("1250.10", "1250.1"),
        ("123456789012", "123456789012"),
        ("12345678901234567890", "12345678901234567890"),
        ("1E-05", "0.00001"),
        ("-250", "-250"),
        ("-0", "0"),
        ("0", "0"),
        ("1E+300", "1E+300"),
        ("nan", "nan"),
    ],
)
def test_a_number_is_written_whole_and_as_excel_shows_it(written: str, text: str):
    assert number_text(written) == text


@pytest.mark.parametrize(
    ("written", "meaning", "text"),
    [
        ("45611", Meaning.DATE, "2024-11-15"),
        ("45611.4375", Meaning.DATE, "2024-11-15 10:30:00"),
        ("45611.999999999", Meaning.DATE, "2024-11-16"),
        ("1", Meaning.DATE, "1900-01-01"),
        ("61", Meaning.DATE, "1900-03-01"),
        ("0.4375", Meaning.DATE, "10:30:00"),
        ("-5", Meaning.DATE, "-5"),
        ("9876543210", Meaning.DATE, "9876543210"),
        ("1.5", Meaning.DURATION, "36:00:00"),
        ("0.07", Meaning.PERCENT, "7%"),
        ("12.5", Meaning.NUMBER, "12.5"),
        ("2024-11-15", Meaning.DATE, "2024-11-15"),
    ],
)
def test_a_number_means_what_its_format_says(written: str, meaning: Meaning, text: str):
    assert formatted_text(written, meaning, from_1904=False) == text


def test_days_count_from_1904_where_the_workbook_says_so():
    settings = '<workbookPr date1904="1"/>'

    lines = lines_of(row(1, '<c s="1"><v>44149</v></c>'), settings=settings)

    assert lines == ["2024-11-15"]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        pytest.param('<c t="s"><v>0</v></c>', "Asha Kadam", id="shared"),
        pytest.param('<c t="s"><v>1</v></c>', "Asha Kadam", id="rich, and pronounced"),
        pytest.param('<c t="s"><v>2</v></c>', "", id="shared and blank"),
        pytest.param('<c t="str"><f>A1</f><v>x</v></c>', "x", id="formula, text"),
        pytest.param('<c t="str"><f>A1</f><v></v></c>', "", id="formula, blank text"),
        pytest.param("<c><f>1+1</f><v>2</v></c>", "2", id="formula"),
        pytest.param("<c><f>1+1</f><v/></c>", "#FORMULA!", id="formula, not saved"),
        pytest.param("<c><f>1+1</f></c>", "#FORMULA!", id="formula, no value"),
        pytest.param('<c t="e"><v>#REF!</v></c>', "#REF!", id="error"),
        pytest.param('<c t="b"><v>1</v></c>', "TRUE", id="true"),
        pytest.param('<c t="b"><v>0</v></c>', "FALSE", id="false"),
        pytest.param('<c t="d"><v>2024-11-15</v></c>', "2024-11-15", id="iso date"),
        pytest.param('<c s="1"><v>45611</v></c>', "2024-11-15", id="date"),
        pytest.param(
            '<c s="4"><v>45611.75</v></c>', "2024-11-15 18:00:00", id="date and time"
        ),
        pytest.param('<c s="2"><v>0.05</v></c>', "5%", id="percentage"),
        pytest.param('<c s="3"><v>1.25</v></c>', "30:00:00", id="duration"),
        pytest.param('<c s="5"><v>1250</v></c>', "1250", id="amount"),
        pytest.param('<c s="6"><v>45611</v></c>', "45611", id="quoted letters"),
        pytest.param('<c s="99"><v>45611</v></c>', "45611", id="no such style"),
        pytest.param("<c><v>9.19876543210E+11</v></c>", "919876543210", id="exponent"),
        pytest.param(
            '<c t="inlineStr"><is><t>a&#10;b\tc</t></is></c>', "a b c", id="line ends"
        ),
        pytest.param(
            '<c t="inlineStr"><is><r><t>A &amp; </t></r><r><t>B</t></r></is></c>',
            "A & B",
            id="runs",
        ),
        pytest.param(
            '<c t="inlineStr"><is><t>a_x000D__x000A_b</t></is></c>', "a b", id="escapes"
        ),
        pytest.param(
            '<c t="inlineStr"><is><t>5" pipe</t></is></c>', '"5"" pipe"', id="quotes"
        ),
    ],
)
def test_a_cell_is_written_as_the_text_of_a_csv_file(cell: str, text: str):
    strings = (
        "<si><t>Asha Kadam</t></si>"
        "<si><r><t>Asha </t></r><r><rPr/><t>Kadam</t></r><rPh><t>x</t></rPh></si>"
        "<si><t/></si>"
    )

    assert lines_of(row(1, "x", cell, "y"), strings=strings) == [f"x\t{text}\ty"]


def test_a_line_has_the_number_of_its_row():
    lines = lines_of(row(3, "Name", "a&#10;b"), row(4), row(7, "x"))

    assert lines == ["", "", "Name\ta b", "", "", "", "x\t"]


def test_rows_and_cells_without_references_stand_where_they_come():
    lines = lines_of(
        "<row><c><v>1</v></c><c><v>2</v></c></row>",
        "<row><c/><c><v>3</v></c></row>",
        '<row><c r="A5"><v>4</v></c></row>',
    )

    assert lines == ["1\t2", "\t3", "", "", "4\t"]


def test_all_prefixes_of_xml_are_read():
    sheet = (
        '<x:worksheet xmlns:x="http://purl.oclc.org/ooxml/spreadsheetml/main">'
        '<x:sheetData><x:row r="1"><x:c r="B1"><x:v>5</x:v></x:c></x:row>'
        "</x:sheetData></x:worksheet>"
    )

    assert lines_of(members={"xl/worksheets/sheet1.xml": sheet}) == ["\t5"]


def test_utf16_is_read():
    sheet = worksheet(HEADER).replace("UTF-8", "UTF-16").encode("utf-16")

    assert lines_of(members={"xl/worksheets/sheet1.xml": sheet}) == ["Name\tMobile"]


@pytest.mark.parametrize(
    ("sheets", "others"),
    [
        (DUES, ""),
        (HIDDEN.format("hidden") + DUES, "Not read: “Codes” (hidden)."),
        (HIDDEN.format("veryHidden") + DUES, "Not read: “Codes” (hidden)."),
        (CHART + DUES, "Not read: “Chart”."),
        (DUES + HIDDEN.format("visible"), "Not read: “Codes”."),
    ],
    ids=["one", "hidden first", "very hidden first", "chart first", "two"],
)
def test_the_first_sheet_with_cells_that_can_be_seen_is_read(sheets: str, others: str):
    codes = {"xl/worksheets/sheet2.xml": worksheet(row(1, "code"))}

    lines, sheet = read(workbook(HEADER, ASHA, sheets=sheets, members=codes))

    assert lines == ["Name\tMobile", "Asha\t9876543210"]
    assert sheet == ReadSheet("Dues", others)


@pytest.mark.parametrize(
    "blank",
    ["", row(3), '<row r="1"><c r="A1" s="1"/><c r="XFD1"/></row>'],
    ids=["empty", "a blank row", "blank cells"],
)
def test_an_empty_sheet_is_passed_over_and_named(blank: str) -> None:
    second = {"xl/worksheets/sheet2.xml": worksheet(HEADER, row(7, "Asha"))}
    sheets = DUES + HIDDEN.format("visible") + CHART

    lines, sheet = read(workbook(blank, sheets=sheets, members=second))

    assert lines == ["Name\tMobile", "", "", "", "", "", "Asha\t"]
    assert sheet == ReadSheet("Codes", "Not read: “Dues” (empty), “Chart”.")


def test_a_table_far_down_has_rows_as_wide_as_its_header() -> None:
    header = row(300, "Name", "Mobile", "Note")

    lines = lines_of(header, row(301, "Asha", 9876543210))

    assert lines == [""] * 299 + ["Name\tMobile\tNote", "Asha\t9876543210\t"]


def test_a_hidden_sheet_is_not_read_though_the_others_are_empty() -> None:
    second = {"xl/worksheets/sheet2.xml": worksheet(HEADER, ASHA)}

    with pytest.raises(UnreadableFile, match="“Dues” is empty") as refused:
        read(workbook(sheets=DUES + HIDDEN.format("hidden"), members=second))

    assert "Not read: “Codes” (hidden)." in str(refused.value)


def encrypted() -> bytes:
    """Return a workbook whose directory says that its sheet is encrypted."""
    data = bytearray(workbook(HEADER, ASHA))
    entry = data.index(b"xl/worksheets/sheet1.xml", data.index(b"PK\x01\x02")) - 46
    data[entry + 8] |= 1
    return bytes(data)


def bad_crc() -> bytes:
    data = bytearray(workbook(HEADER, ASHA))
    entry = data.index(b"xl/worksheets/sheet1.xml", data.index(b"PK\x01\x02")) - 46
    data[entry + 16 : entry + 20] = b"\x00\x01\x02\x03"
    return bytes(data)


def with_member(name: str, **parts: object) -> bytes:
    return workbook(HEADER, ASHA, members={name: b"x"}, **parts)


SHEET = "xl/worksheets/sheet1.xml"
MACRO_TYPE = (
    '<Types><Override PartName="/xl/workbook.xml" ContentType='
    '"application/vnd.ms-excel.sheet.macroEnabled.main+xml"/></Types>'
)
ENTITIES = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<worksheet><sheetData/></worksheet>"
)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(with_member("xl/vbaProject.bin"), "macros", id="macros"),
        pytest.param(
            workbook(members={"[Content_Types].xml": MACRO_TYPE}), "macros", id="xlsm"
        ),
        pytest.param(with_member("xl/workbook.bin"), ".xlsb", id="xlsb"),
        pytest.param(with_member("content.xml"), ".ods", id="ods"),
        pytest.param(with_member("word/document.xml"), "Word", id="docx"),
        pytest.param(with_member("ppt/presentation.xml"), "slides", id="pptx"),
        pytest.param(
            workbook(members={"[Content_Types].xml": None}), "zip archive", id="zip"
        ),
        pytest.param(
            workbook(members={"xl/workbook.xml": None, "_rels/.rels": None}),
            "not a workbook",
            id="no workbook.xml",
        ),
        pytest.param(encrypted(), "password", id="password"),
        pytest.param(workbook(HEADER, ASHA)[:-200], "damaged", id="cut off"),
        pytest.param(b"PK\x03\x04 and no more", "damaged", id="a beginning"),
        pytest.param(bad_crc(), "damaged", id="checksum"),
        pytest.param(workbook(HEADER[:-4]), "damaged", id="broken XML"),
        pytest.param(workbook(members={SHEET: None}), "damaged", id="no such sheet"),
        pytest.param(workbook(members={SHEET: ENTITIES}), "damaged", id="entities"),
        pytest.param(workbook(row(2, "x"), row(1, "y")), "damaged", id="disorder"),
        pytest.param(workbook(row(1, '<c t="s"><v>9</v></c>')), "damaged", id="text 9"),
        pytest.param(
            workbook(HEADER, sheets=HIDDEN.format("hidden")), "no sheet", id="hidden"
        ),
        pytest.param(workbook(HEADER, sheets=CHART), "no sheet", id="chart only"),
        pytest.param(workbook(), "“Dues” is empty", id="empty"),
        pytest.param(workbook(row(5)), "“Dues” is empty", id="blank rows"),
        pytest.param(
            workbook(HEADER, '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
            "column XFD",
            id="last corner",
        ),
        pytest.param(workbook('<row r="1048577"/>'), "damaged", id="a row too far"),
        pytest.param(
            workbook(HEADER, members={SHEET: bytes(300 << 20)}),
            "too large",
            id="300 MB",
        ),
        pytest.param(
            workbook(HEADER, members={SHEET: b" " * (20 << 20)}), "too large", id="bomb"
        ),
    ],
)
def test_a_workbook_that_cannot_be_read_is_refused_in_words(data: bytes, said: str):
    with pytest.raises(UnreadableFile, match=said):
        read(data)


def test_a_blank_cell_far_away_is_passed_over():
    far = '<row r="2"><c r="A2"><v>1</v></c><c r="XFD2" s="1"/></row>'

    assert lines_of(HEADER, far) == ["Name\tMobile", "1\t"]


def test_rows_of_every_writing_are_read_alike():
    """The expression for usual rows against the parser, which a comment calls in."""
    rng = random.Random(7)
    kinds = [
        lambda: str(rng.randrange(10**10)),
        lambda: f"{rng.uniform(-1e6, 1e6)!r}",
        lambda: f"{rng.uniform(0, 1e-3)!r}",
    ]
    rows = []
    for number in range(1, 1000):
        cells = []
        for column in sorted(rng.sample("ABCDEFGHIJ", rng.randrange(11))):
            style = rng.choice(["", ' s="1"', ' s="2"', ' s="5"', ' s="99"'])
            shared = f' t="s"><v>{rng.randrange(50)}</v></c>'
            plain = f"><v>{rng.choice(kinds)()}</v></c>"
            other = rng.choice(
                ["/>", "></c>", ' t="b"><v>1</v></c>', ' t="str"><v/></c>']
            )
            text = f' t="inlineStr"><is><t>text {number}</t></is></c>'
            rest = rng.choice([shared, shared, text, plain, plain, other])
            cells.append(f'<c r="{column}{number}"{style}{rest}')
        rows.append(f'<row r="{number}" spans="1:10">{"".join(cells)}</row>')
    strings = "".join(f"<si><t>text {n} &amp;</t></si>" for n in range(25))
    strings += "".join(f"<si><t>text {n}</t></si>" for n in range(25))

    usual = lines_of(*rows, strings=strings)
    parsed = lines_of("<!-- -->", *rows, strings=f"<!-- -->{strings}")

    assert len(usual) == 999
    assert usual == parsed


def test_a_workbook_that_would_take_too_much_memory_is_refused():
    data = workbook(row(1, "x" * (90 << 20)), pack=False)

    with pytest.raises(UnreadableFile, match="too large"):
        read(data)


@pytest.mark.django_db
def test_a_bomb_fails_and_the_next_file_loads():
    bomb = load(workbook(HEADER, members={SHEET: b" " * (20 << 20)}), name="b.xlsx")
    after = load(workbook(HEADER, ASHA), name="dues.xlsx")

    assert bomb.status == FileUpload.Status.FAILED
    assert bomb.error.startswith("[csv_parse] This workbook is too large")
    assert after.status == FileUpload.Status.COMPLETED
    assert after.notices[0] == "The sheet “Dues” was read."
    assert Customer.objects.get().primary_phone == "+919876543210"


@pytest.mark.django_db
def test_a_date_cell_is_right_in_a_column_that_is_written_month_first():
    load(
        workbook(
            row(1, "Name", "Mobile", "Due Date"),
            row(2, "Asha", 9876543210, '<c s="1"><v>45355</v></c>'),
            row(3, "Vikram", 9876543211, "03/25/2024"),
            row(4, "Meera", 9876543212, "03/04/2024"),
            # A day after the 12th: no Excel has swapped these cells.
            row(5, "Ravi", 9876543213, '<c s="1"><v>45376</v></c>'),
        )
    )

    days = Customer.objects.order_by("row_number").values_list("due_date", flat=True)
    assert [str(day) for day in days] == [
        "2024-03-04", "2024-03-25", "2024-03-04", "2024-03-25",
    ]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(
    "place",
    range(5),
    ids=["name", "phone", "id", "amount", "unmapped"],
)
@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ('<c t="e"><v>#REF!</v></c>', "cell_error"),
        ("<c><f>1+1</f></c>", "formula_without_value"),
    ],
    ids=["error", "formula"],
)
def test_a_cell_without_a_value_refuses_its_row(place: int, cell: str, code: str):
    cells = ["Asha", 9876543210, "ABCDE1234F", 500, "Hinjewadi"]
    cells[place] = cell
    headers = ("Name", "Mobile", "PAN", "EMI", "Area")

    load(workbook(row(1, *headers), row(2, *cells)))

    assert not Customer.objects.exists()
    issue = RowIssue.objects.get()
    assert (issue.line, issue.column_name, issue.code) == (2, headers[place], code)


@pytest.mark.django_db
def test_an_error_that_excel_saved_as_csv_is_no_name_either():
    load("Name,Mobile\n#REF!,9876543210\nAsha,9876543211\n")

    assert Customer.objects.get().full_name == "Asha"
    assert RowIssue.objects.get().code == "cell_error"


@pytest.mark.django_db
def test_a_cell_beside_the_table_is_told_as_such():
    load(workbook(HEADER, ASHA, *(row(n) for n in range(3, 250)), row(300, 1, 2, 3)))

    issue = RowIssue.objects.get()
    assert (issue.line, issue.code) == (300, "row_ragged")
    assert "right of the table" in issue.message
