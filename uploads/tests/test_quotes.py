"""A quotation mark astray costs its own row; a cell may have several lines."""

import io
import random
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from customers.models import Customer
from uploads.preview import first_rows
from uploads.reader import Understood, understand
from uploads.records import Block, read_blocks
from uploads.tests.factories import load

HEADER = "Name,Mobile,Note,City\n"


def phone(number: int) -> str:
    return f"98765{number:05}"


def table(notes: dict[int, str], *, count: int, filler: str = "promised") -> bytes:
    """Return a file of rows that differ in their phones, and here and there a note."""
    rows = (f"Asha,{phone(n)},{notes.get(n, filler)},Pune\n" for n in range(count))
    return (HEADER + "".join(rows)).encode()


def read_parts(
    data: bytes, rows_a_part: int = 20_000
) -> tuple[Understood, list[list[Block]]]:
    """Read a file as its workers do: the blocks of each part."""
    file = io.BytesIO(data)
    understood = understand(file, rows_a_part=rows_a_part)
    return understood, [
        list(
            read_blocks(
                file,
                understood.layout.shape(),
                start=part.start,
                end=part.end,
                first_line=part.first_line,
            )
        )
        for part in understood.parts
    ]


def records_of(blocks: list[Block]) -> list[tuple[int, list[str]]]:
    rows = [row for block in blocks for row in block.rows]
    faults = [(fault.line, fault.cells) for block in blocks for fault in block.faults]
    return sorted([*rows, *faults])


def lines_of(data: bytes) -> tuple[list[int], list[int]]:
    """Return the lines of the good rows and of those that cannot be told apart."""
    _, parts = read_parts(data)
    blocks = [block for part in parts for block in part]
    return (
        [line for block in blocks for line, _ in block.rows],
        [fault.line for block in blocks for fault in block.faults],
    )


@pytest.mark.django_db
def test_rows_between_two_stray_quotes_are_loaded(tenant):
    data = table({100: '"promised to pay', 250: 'will pay on monday"'}, count=300)

    upload = load(data, tenant=tenant)

    assert (upload.total_rows, upload.succeeded_rows, upload.failed_rows) == (
        300,
        299,
        1,
    )
    assert upload.issues.get().line == 102
    assert "only one in a row below closes it" in upload.issues.get().message
    assert Customer.objects.filter(extra__Note="promised").count() == 298


@pytest.mark.parametrize(
    ("header", "lines", "good", "bad"),
    [
        pytest.param(
            "Name,Mobile,Address",
            ['Asha,9876500000,"12 MG Road', 'Pune"', "Bina,9876500001,x"],
            [2, 4], [], id="an address of two lines",
        ),
        pytest.param(
            "Name,Mobile,Address",
            ['Asha,9876500000,"Flat 4, Sai Park', 'MG Road, Pune, 411001"'],
            [2], [], id="as many commas in its second line as a row has",
        ),
        pytest.param(
            "Name,Address,Mobile",
            ['Asha,"12, MG Road', 'Pune, MH",9876500000'],
            [2], [], id="before the phone",
        ),
        pytest.param(
            "Address,Name,Mobile",
            ['"12 MG Road, Camp, Pune', 'India",Asha,9876500000'],
            [2], [], id="in the first column, and as wide as a row",
        ),
        pytest.param(
            "Name,Mobile,Address,Remark",
            ['"Asha","9876500000","12 MG Road', '', 'Pune","she said', '""later"""'],
            [2], [], id="two cells of several lines, all quoted",
        ),
        pytest.param(
            "Name,Mobile,Address",
            ['Asha,9876500000,"12 MG Road', 'Pune" ,', 'Bina,9876500001,x'],
            [2, 4], [], id="a blank behind the closing quote",
        ),
        pytest.param(
            "Name,Mobile,Note",
            ['Asha,9876500000,"x', 'Bina,9876500001,y"'],
            [3], [2], id="the next row",
        ),
        pytest.param(
            "Name,Mobile,Note",
            ['Asha,9876500000,"x', "Bina,,y", 'Carl,9876500002,z"'],
            [3, 4], [2], id="a row without a phone",
        ),
        pytest.param(
            "Name,Mobile,Note",
            ['Asha,9876500000,"x', 'Bina,n/a,z"'],
            [3], [2], id="a row with a word for no phone",
        ),
        pytest.param(
            "Name,Mobile,Note,City",
            ['Asha,9876500000,"x', 'Bina,9876500001,y,z,w",Pune'],
            [], [2, 3], id="a ragged row",
        ),
        pytest.param(
            "Name,Mobile,Note,City",
            ['Asha,9876500000,"x', 'Bina,9876500001,y",Pune'],
            [3], [2], id="behind a ragged row",
        ),
        pytest.param(
            "Note,Name,Mobile",
            ['"x,Asha,9876500000', 'y",Bina,9876500001'],
            [3], [2], id="the phone behind both quotes",
        ),
        pytest.param(
            "Name,Note,Mobile",
            ['Asha,"x,9876500000', 'Bina,y,z",9876500001'],
            [], [2, 3], id="the phone behind both, and a ragged row",
        ),
        pytest.param(
            "Name,Mobile,Note,City",
            ['"Rao, Asha",9876500000,"x,Pune', 'Bina,9876500001,",Pune'],
            [], [2, 3], id="a quote for the whole cell",
        ),
        pytest.param(
            "Name,Mobile,Note",
            ['Asha,9876500000,"x', 'a"b,9876500001,"y', 'Bina,9876500002,z'],
            [4], [2, 3], id="never closed, once and again",
        ),
    ],
)  # fmt: skip
def test_a_cell_of_several_lines_is_told_from_rows(
    header: str, lines: list[str], good: list[int], bad: list[int]
) -> None:
    data = "\n".join([header, *lines]).encode()

    assert lines_of(data) == (good, bad)


def test_a_header_takes_in_no_row() -> None:
    data = table({0: 'promised"'}, count=3).replace(b"Note,City", b'"Note,City')

    found, _ = read_parts(data)

    assert found.row_count == 3


@pytest.mark.parametrize("lines", [299, 300])
def test_a_cell_may_have_as_many_lines_as_excel_lets_it(lines: int) -> None:
    note = '"' + "\n".join(["called"] * (lines + 1)) + '"'

    good, bad = lines_of(table({0: note}, count=2))

    assert (len(good), bad) == ((2, []) if lines < 300 else (1, [2, *bad[1:]]))


def test_a_cell_that_is_open_where_a_block_ends_is_counted_once() -> None:
    # It closes 1,500 lines later: in the file's next block, and in the part's first.
    filler = "y" * 20
    notes = {
        21_500: f'"{filler}',
        22_000: f'y"{filler}',
        23_200: f'"{filler}',
        24_700: f'{filler}"',
    }

    found, parts = read_parts(table(notes, count=45_000, filler=filler))

    assert found.row_count == 45_000
    assert [part.row_count for part in found.parts] == [
        len(records_of(blocks)) for blocks in parts
    ]


def stray_quotes(rng: random.Random, count: int) -> bytes:
    """Return rows some of which have a quote that opens, or closes, nothing."""
    share = rng.choice([0.0005, 0.002, 0.01, 0.1])
    notes = {}
    filler = "y" * rng.choice([0, 5, 60, 100])
    for number in range(count):
        draw = rng.random()
        if draw < share:
            notes[number] = f'"{filler}'
        elif draw < 2 * share:
            notes[number] = f'{filler}"'
        elif draw < 2.2 * share:
            notes[number] = f'"a ""b"" {filler}"'
        elif draw < 2.6 * share:
            notes[number] = rng.choice(['"two\nlines"', '"two\r\n\rlines, or three"'])
        elif draw < 2.7 * share:
            notes[number] = '"'
    return table(notes, count=count, filler=filler)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from([20, 3_000]))
def test_wherever_a_file_is_cut_its_records_are_the_same(seed: int, count: int) -> None:
    rng = random.Random(seed)
    data = stray_quotes(rng, count)
    rows_a_part = rng.choice([1, 500, 1_500, 20_000])

    understood, parts = read_parts(data, rows_a_part)

    records = [records_of(blocks) for blocks in parts]
    assert [part.row_count for part in understood.parts] == list(map(len, records))
    together = [record for of_part in records for record in of_part]
    _, (whole,) = read_parts(data)
    assert together == records_of(whole)
    file = io.BytesIO(data)
    few = first_rows(file, understood.layout, limit=10)
    assert records_of([few]) == together[:10]


class InPieces(io.BytesIO):
    """A file that gives fewer bytes at a time than it is asked for."""

    def __init__(self, data: bytes, rng: random.Random) -> None:
        super().__init__(data)
        self.rng = rng

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, self.rng.choice([1, 7, 90, 700, 5_000])))


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_whatever_the_blocks_of_a_file_its_records_are_the_same(seed: int) -> None:
    rng = random.Random(seed)
    data = stray_quotes(rng, 300)

    understood, (whole,) = read_parts(data)

    shape, start = understood.layout.shape(), understood.layout.data_start
    file = InPieces(data, rng)
    blocks = list(read_blocks(file, shape, start=start, end=len(data), first_line=2))
    assert len(blocks) > 1
    assert records_of(blocks) == records_of(whole)
    # Every place between two blocks is one where a part may begin.
    cut = rng.choice(blocks)
    two = [
        block
        for begin, end, line in [
            (start, cut.end, 2),
            (cut.end, len(data), cut.next_line),
        ]
        for block in read_blocks(file, shape, start=begin, end=end, first_line=line)
    ]
    assert records_of(two) == records_of(whole)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from([20, 3_000]))
def test_no_row_is_swallowed_unseen(seed: int, count: int) -> None:
    data = stray_quotes(random.Random(seed), count)

    _, parts = read_parts(data)

    records = [record for blocks in parts for record in records_of(blocks)]
    for number, (_, cells) in enumerate(records):
        assert ",".join(cells).count("98765") <= 1, number
    text = "".join(",".join(cells) for _, cells in records)
    assert all(phone(number) in text for number in range(count))


@settings(max_examples=200)
@given(st.text(alphabet='ab1,"\n\r ', max_size=60))
def test_every_line_is_read_or_refused(body: str) -> None:
    data = f"{HEADER}{body}\nAsha,{phone(0)},x,y\n".encode()
    assume(body.strip(' ,\n\r"'))

    _, parts = read_parts(data)

    shown = "".join(
        cell for blocks in parts for _, cells in records_of(blocks) for cell in cells
    )
    for letter in "ab1":
        assert shown.count(letter) == (body + f"Asha,{phone(0)},x,y").count(letter)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("between", "lines_between"),
    [
        pytest.param(f"{{}}{dirt}", 1, id=repr(dirt))
        for dirt in "\x00\x0b\x0c\x1a\x1c\x7f\x85\xa0\u200b\u200d\u2028\u2029\ufeff"
    ]
    + [
        pytest.param(f"\r{dirt}\n", 2, id=f"CR {dirt!r} LF")
        for dirt in ["\x00", "\x1a", "\ufeff", "\u200d", "\x0b", "\x00\u200d\ufeff"]
    ]
    + [
        pytest.param("\r\x00\r\n", 2, id="CR NUL CRLF"),
        pytest.param("{}  \t {}", 2, id="a line of blanks"),
        pytest.param("{},,,{}", 2, id="a line of delimiters"),
        pytest.param("\n\r", 2, id="LF CR"),
        pytest.param("\r\r\n", 2, id="CR CRLF"),
    ],
)
def test_dirt_at_line_ends_doubles_no_row(
    between: str, lines_between: int, line_end: str
) -> None:
    between = between.replace("{}", line_end)
    count = 4_000
    rows = [f'Asha,{phone(n)},"two{line_end}lines",{"x" * 40}' for n in range(count)]
    data = (HEADER.strip() + line_end + between.join(rows) + line_end).encode()

    good, bad = lines_of(data + b"\x1a")

    assert bad == []
    step = 1 + lines_between
    assert good == [2 + step * number for number in range(count)]


def test_cells_of_several_lines_are_told_to_the_uploader() -> None:
    data = table({3: '"two\nlines"', 5: '"three\n\nlines"'}, count=10)

    found, _ = read_parts(data)

    assert found.notices[-1] == (
        "2 rows have cells of several lines, and are one row each; the first begins in "
        "line 5."
    )


@pytest.mark.parametrize(
    "line",
    [
        pytest.param('"a,9876500000,x,y\n', id="the next line's quote is astray"),
        pytest.param('Asha,9876500000,"x,y\n', id="closed in the next line"),
        pytest.param('a",9876500000,"b,c\n', id="each closes one and opens another"),
        pytest.param('a",x,"b\n', id="and is no row"),
    ],
)
def test_a_file_full_of_stray_quotes_takes_no_longer(line: str) -> None:
    good = "".join(f"Asha,{phone(n)},x,y\n" for n in range(40_000))
    data = (HEADER + good + line * 40_000).encode()
    started = time.process_time()

    lines_of(data)

    assert time.process_time() - started < 10  # and not with the square of the lines
