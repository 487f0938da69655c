import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uploads.encodings import UnreadableFile
from uploads.layout import Layout
from uploads.reader import rewrite_as_utf8, understand, wide_encoding
from uploads.records import Block, read_blocks

HEADER = "full_name,primary_phone,note\n"


def rows_of(data: bytes) -> list[tuple[int, list[str]]]:
    return [row for block in blocks_of(data) for row in block.rows]


def faults_of(data: bytes) -> list[tuple[int, str]]:
    return [
        (fault.line, fault.code) for block in blocks_of(data) for fault in block.faults
    ]


def blocks_of(data: bytes, rows_a_part: int = 20_000) -> list[Block]:
    """Read a file the way workers do: part by part."""
    file = io.BytesIO(data)
    if encoding := wide_encoding(file):
        file = io.BytesIO()
        rewrite_as_utf8(io.BytesIO(data), encoding, file)
    understood = understand(file, rows_a_part=rows_a_part)
    blocks = []
    for part in understood.parts:
        of_part = list(
            read_blocks(
                file,
                understood.layout.shape(),
                start=part.start,
                end=part.end,
                first_line=part.first_line,
            )
        )
        assert part.row_count == sum(len(b.rows) + len(b.faults) for b in of_part)
        blocks += of_part
    return blocks


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("Name,Mobile\nZoë,1\n".encode(), id="utf-8"),
        pytest.param("\ufeffName,Mobile\nZoë,1\n".encode(), id="utf-8 with mark"),
        pytest.param("Name,Mobile\nZoë,1\n".encode("utf-16"), id="utf-16 with mark"),
        pytest.param("Name,Mobile\nZoë,1\n".encode("utf-16-le"), id="utf-16-le"),
        pytest.param("Name,Mobile\nZoë,1\n".encode("utf-16-be"), id="utf-16-be"),
        pytest.param("Name,Mobile\nZoë,1\n".encode("utf-32"), id="utf-32 with mark"),
        pytest.param("Name,Mobile\nZoë,1\n".encode("utf-32-le"), id="utf-32-le"),
        pytest.param("Name,Mobile\rZoë,1\r".encode("utf-32-be"), id="utf-32-be"),
        pytest.param("Name,Mobile\nZoë,1\n".encode("cp1252"), id="windows-1252"),
        pytest.param("Name;Mobile\nZoë;1\n".encode(), id="semicolons"),
        pytest.param("Name\tMobile\nZoë\t1\n".encode(), id="tabs"),
        pytest.param("Name|Mobile\nZoë|1\n".encode(), id="bars"),
        pytest.param("Name,Mobile\rZoë,1\r".encode(), id="cr"),
        pytest.param("Name,Mobile\r\nZoë,1\r\n".encode(), id="crlf"),
        pytest.param("Name,Mobile\nZoë,1".encode(), id="no last line end"),
        pytest.param('"Name" , "Mobile"\n"Zoë" , "1" \n'.encode(), id="spaced quotes"),
        pytest.param("Name,Mobile\nZ\u200bo\x00ë\u200e,1\x1a\n".encode(), id="dirt"),
        pytest.param("Na\u200bme,Mobile,\nZoë,1,\n".encode(), id="trailing delimiter"),
    ],
)
def test_a_text_is_read_however_it_is_written(data: bytes) -> None:
    ((line, cells),) = rows_of(data)

    assert line == 2
    assert [cell.strip() for cell in cells][:2] == ["Zoë", "1"]


@pytest.mark.parametrize("delimiter", [",", "\t"])
@pytest.mark.parametrize("encoding", ["16-le", "16-be", "32-le", "32-be"])
def test_a_wide_text_without_a_mark_is_known_though_all_of_it_is_hindi(
    encoding: str, delimiter: str
) -> None:
    lines = ["नाम,मोबाइल,राज्य", *["आशा कदम पाटिल देशमुख,९८७६५४३२१०,महाराष्ट्र विदर्भ"] * 50]
    text = "\r\n".join([*lines, ""]).replace(",", delimiter)

    rows = rows_of(text.encode(f"utf-{encoding}"))

    assert len(rows) == 50
    assert rows[0] == (2, lines[1].split(","))


def test_blank_lines_above_the_header_are_counted_and_no_more() -> None:
    assert rows_of(b"\n" * 300 + b"Name,Mobile\nAsha,1\n") == [(302, ["Asha", "1"])]


def test_nuls_in_a_text_make_it_no_wide_one() -> None:
    rows = rows_of(b"Name,Mobile\n\0Asha,1\n\0Vi\0kram,2\n\0\0Meera,3\n\0\0")

    assert [cells for _, cells in rows] == [
        ["Asha", "1"],
        ["Vikram", "2"],
        ["Meera", "3"],
    ]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"\n\n \n", "empty"),
        (bytes.fromhex("D0CF11E0A1B11AE1"), ".xls"),
        (b"%PDF-1.7", "PDF"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x89PNG\r\n", "picture"),
        (b"<html><table><tr>", "web page"),
        (b'[{"name": "x"}]', "JSON"),
        (bytes(range(256)) * 8, "not a text"),
        (b"Asha,9876500000\nVikram,9876500001\n", "No header"),
        (b"hello", "No header"),
        (b"x" * (5 << 20), "longer than 1 MB"),
        (b"Mobile,EMI\n9876500000,5\n", "no column for the customer's name"),
        (b"Name,EMI\nAsha,5\n", "no column for the customer's phone"),
        (b"Custmer Nme,Mobile\nAsha,9876500000\n", "\u201cCustmer Nme\u201d"),
        (b"Name,Mobile\n", "no row below"),
        (b"Name,Mobile" + b",x" * 1000, "1002 columns"),
        (b"Name,Mobile,Note\n" + b'"a"b\n' * 60_000, "cannot be told apart"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(data: bytes, said: str) -> None:
    with pytest.raises(UnreadableFile, match=said):
        blocks_of(data)


def test_a_line_that_no_memory_should_hold_ends_the_reading() -> None:
    data = HEADER.encode() + b"Asha,9876500000," + b"x" * (9 << 20) + b"\n"

    with pytest.raises(UnreadableFile, match="Line 2 is longer"):
        blocks_of(data)


def test_a_long_line_costs_nobody_else_their_row() -> None:
    data = f"{HEADER}Asha,1,{'x' * (5 << 20)}\nVikram,2,y\n".encode()

    assert [line for line, _ in rows_of(data)] == [2, 3]


def test_lines_are_physical_lines_after_every_kind_of_mess() -> None:
    data = (
        b"Overdue list\r\n\r\nName,Mobile,Note\r\n"
        b'Asha,1,"a\r\nb"\r\n'  # line 4
        b",,\n\n"
        b"Vikram,2,c\r"  # line 8
        b'Meera,3,"d\n\n\ne"\n'  # line 9
        b"Kiran,4\n"  # line 13, ragged
        b"Lata,5,f"  # line 14
    )

    assert [(line, cells[0]) for line, cells in rows_of(data)] == [
        (4, "Asha"),
        (8, "Vikram"),
        (9, "Meera"),
        (14, "Lata"),
    ]
    assert faults_of(data) == [(13, "row_ragged")]


@pytest.mark.parametrize(
    ("lines", "good", "bad"),
    [
        pytest.param(
            ['Asha,1,"never closed', "Vikram,2,b", "Meera,3,c"], [3, 4], [2],
            id="never closed",
        ),
        pytest.param(
            ['"Asha,1,a', "Vikram,2,b", 'Meera,3,"c"', "Kiran,4,d"], [3, 4, 5], [2],
            id="met by a later quote",
        ),
        pytest.param(
            ['"Asha,1,a', "Vikram,2,b", 'Meera,3,c"', "Kiran,4,d"], [3, 4, 5], [2],
            id="closed by a quote at a line's end",
        ),
        pytest.param(
            ['"Asha "Tai" K",1,a', "Vikram,2,b"], [3], [2], id="quotes not doubled"
        ),
        pytest.param(
            ['Asha "Tai" K,1,a', "Vikram,2,5\" pipe"], [2, 3], [],
            id="quotes inside a bare cell",
        ),
        pytest.param(
            ['Asha,1,2,"x\ny"', "Vikram,2,b"], [4], [2],
            id="a ragged record of two lines is one row",
        ),
    ],
)  # fmt: skip
def test_a_stray_quote_costs_one_row(
    lines: list[str], good: list[int], bad: list[int]
) -> None:
    data = (HEADER + "\n".join(lines) + "\n").encode()

    assert [line for line, _ in rows_of(data)] == good
    assert [line for line, _ in faults_of(data)] == bad


def test_a_file_that_stumbles_at_each_line_takes_no_longer() -> None:
    data = b"Name,Mobile\n" + b'"a,1\n' * 40_000
    started = time.process_time()

    faults = faults_of(data)

    assert len(faults) == 40_000
    assert time.process_time() - started < 5  # and not with the square of the lines


def test_an_amount_with_commas_and_no_quotes_makes_a_ragged_row() -> None:
    data = f"{HEADER}Asha,9876500000,1,25,000\nVikram,1,x,,\n".encode()

    assert faults_of(data) == [(2, "row_ragged")]
    assert [line for line, _ in rows_of(data)] == [3]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("Name,Mobile\nAsha,1\nBo,2\n".encode("utf-16")[:-1], id="cut"),
        pytest.param(
            "Name,Mobile\nAsha,1\nB\udc00o,2\n".encode("utf-16", "surrogatepass"),
            id="half a character",
        ),
        pytest.param(
            "Name,Mobile\nAsha,1\nBo,2\n".encode("utf-32")[:-6] + b"\xff\xff\xff\xff",
            id="beyond all characters",
        ),
    ],
)
def test_what_is_no_text_in_wide_characters_costs_its_line(data: bytes) -> None:
    assert faults_of(data) == [(3, "encoding")]
    assert rows_of(data) == [(2, ["Asha", "1"])]


@pytest.mark.parametrize(
    "data",
    [
        b"sep=;\nName;Mobile\nAsha;1\n",
        b"sep=;\nName,Mobile\nAsha,1\n",
        b"sep=,\nName\tMobile\nAsha\t1\n",
    ],
)
def test_excels_first_line_is_a_hint_and_no_header(data: bytes) -> None:
    assert rows_of(data) == [(3, ["Asha", "1"])]


def test_a_line_in_another_encoding_is_refused_alone() -> None:
    good = "आशा,9876500000,a\nमीरा,9876500001,b\n".encode()
    data = HEADER.encode() + good + "José,9876500002,c\n".encode("cp1252")

    assert faults_of(data) == [(4, "encoding")]
    assert [line for line, _ in rows_of(data)] == [2, 3]


def test_joiners_are_kept_where_a_script_needs_them() -> None:
    data = f"{HEADER}क्\u200dष,987\u200d65,x\n".encode()

    ((_, cells),) = rows_of(data)

    assert cells[:2] == ["क्\u200dष", "98765"]


# A cell of several lines whose lines have delimiters may be told from rows, or not:
# test_quotes says which.
cells = st.one_of(
    st.text(alphabet='ab,"; é', max_size=6), st.text(alphabet='ab"\n\r ;é', max_size=6)
)


@settings(max_examples=150)
@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=30))
def test_parts_hold_together_what_one_reading_finds(table: list[list[str]]) -> None:
    lines = [
        ",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in table
    ]
    data = (HEADER + "\n".join(lines) + "\nAsha,1,x").encode()

    whole = rows_of(data)
    pieces = [row for block in blocks_of(data, rows_a_part=1) for row in block.rows]

    assert pieces == whole
    assert whole[-1][1] == ["Asha", "1", "x"]
    assert not faults_of(data)


def test_a_large_file_is_cut_between_records() -> None:
    rows = "".join(f'Asha {n},98765{n:05},"a\n{"b" * 90}"\n' for n in range(9_000))
    data = (HEADER + rows).encode()

    found = understand(io.BytesIO(data), rows_a_part=2_000)
    blocks = blocks_of(data, rows_a_part=2_000)

    assert len(found.parts) > 3
    assert found.row_count == 9_000
    lines = [line for block in blocks for line, _ in block.rows]
    assert lines == list(range(2, 2 + 18_000, 2))


def test_the_layout_survives_being_kept_as_json() -> None:
    data = b"Name,Mobile,EMI,Due Date\nAsha,1,5,12/25/2024\n"

    layout = understand(io.BytesIO(data)).layout

    assert Layout.of(layout.as_json()) == layout
    assert layout.date_orders == {"due_date": "month first"}


def test_blank_columns_beside_the_table_take_no_memory():
    understood = understand(io.BytesIO(b"Name,Mobile" + b"," * 100_000 + b"\nAsha,1\n"))

    assert understood.layout.headers == ("Name", "Mobile")
    assert understood.row_count == 1


@pytest.mark.parametrize("blank", ["\n", "\r\n", "\r", " \t\n"])
def test_rows_behind_many_blank_lines_keep_their_lines(blank: str) -> None:
    """Whole blocks of them are counted and not parsed."""
    data = f"{HEADER}Asha,1,a\n{blank * 300_000}Vik,2,b\n"

    assert rows_of(data.encode()) == [
        (2, ["Asha", "1", "a"]),
        (300_003, ["Vik", "2", "b"]),
    ]
