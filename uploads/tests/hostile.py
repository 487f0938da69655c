"""Files as accidents and malice make them, the same ones for the same seed."""

import random
from collections.abc import Callable, Iterator
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

from uploads.tests.workbooks import row, workbook

Made = Callable[[random.Random], bytes]

_STRANGE = [
    "\x00", "\ufeff", "\u200b", "\u202e", "\u2028", "\x85", "\x0b", "\x1a", "\ud7ff",
    "\uffff", "\U0001f600", "é", "नाम", "９", "\xa0", "'", '"', '""', ",", ";",
    "\t", "|", "\r", "\n", "\r\r\n", "\\N", "\\.", "=1+1", "-0", "1e999", "NaN",
    "#REF!", "\x01",
]  # fmt: skip


def hostile_files(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield that many named files; text files and workbooks take turns."""
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        kinds = (TEXTS, WORKBOOKS)[number % 2]
        name = list(kinds)[number // 2 % len(kinds)]
        yield f"{number} {name}", kinds[name](rng)


def customers(rng: random.Random, count: int = 300) -> str:
    """Return an honest file, such as all others are made of."""
    lines = ["Customer Name,Mobile No,Loan No,Loan Amount,Due Date,Aadhaar,Remark"]
    lines += [
        f"Asha {number},98765{number:05},LN{number},"
        f'"{rng.randrange(10, 99)},{rng.randrange(100, 999)}",'
        f"{rng.randrange(1, 29):02}/11/2024,,{'x' * rng.randrange(40)}"
        for number in range(count)
    ]
    return "\n".join(lines) + "\n"


def flipped(rng: random.Random, data: bytes) -> bytes:
    mutated = bytearray(data)
    for _ in range(rng.randrange(1, 200)):
        mutated[rng.randrange(len(mutated))] = rng.randrange(256)
    return bytes(mutated)


def truncated(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def doubled(rng: random.Random, data: bytes) -> bytes:
    """Return the data with pieces of it repeated elsewhere."""
    for _ in range(rng.randrange(1, 10)):
        start, place = rng.randrange(len(data)), rng.randrange(len(data))
        piece = data[start : start + rng.randrange(1, 2000)]
        data = data[:place] + piece + data[place:]
    return data


def holed(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.randrange(1, 3000) :]


def sprinkled(rng: random.Random, text: str) -> str:
    """Return the text with what nobody expects in many places of it."""
    for _ in range(rng.randrange(1, 100)):
        place = rng.randrange(len(text))
        text = text[:place] + rng.choice(_STRANGE) + text[place:]
    return text


def _mutated_text(mutate: Callable[[random.Random, bytes], bytes]) -> Made:
    return lambda rng: mutate(rng, customers(rng).encode())


def _soup(rng: random.Random, marks: str, size: int) -> bytes:
    """Return a header, and below it these characters in any order."""
    return ("Name,Mobile,Note\n" + "".join(rng.choices(marks, k=size))).encode()


def _in_encoding(rng: random.Random) -> bytes:
    names = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "utf-8-sig"]
    data = customers(rng).encode(rng.choice(names))
    return rng.choice([flipped, truncated, holed])(rng, data)


def _long_lines(rng: random.Random) -> bytes:
    length = rng.choice([70_000, 300_000, 2 << 20, 9 << 20])
    cell = rng.choice(["x", '"', "ab ", "\u200b", '" ']) * length
    return customers(rng).encode() + cell.encode()[:length] + b"\nAsha,9876543210\n"


def _many_columns(rng: random.Random) -> bytes:
    count = rng.choice([300, 999, 1001, 50_000, 400_000])
    header = "Name,Mobile" + rng.choice([",", ",c", ",Mobile"]) * count
    return (header + "\n" + "Asha,9876543210\n" * 5_000).encode()


def _delimiters(rng: random.Random) -> bytes:
    return ("Name,Mobile\n" + rng.choice(",;\t|\n\r") * 200_000).encode()


def _quotes(rng: random.Random) -> bytes:
    lines = ['"a\nb"c\n', '"a"b\n', 'a "b" c,1,"x" y\n', '"a,1\n', '"\n', '"a\n\n",1\n']
    return b"Name,Mobile,Note\n" + rng.choice(lines).encode() * 60_000


TEXTS: dict[str, Made] = {
    "flipped text": _mutated_text(flipped),
    "truncated text": _mutated_text(truncated),
    "doubled text": _mutated_text(doubled),
    "holed text": _mutated_text(holed),
    "sprinkled text": lambda rng: sprinkled(rng, customers(rng)).encode(
        rng.choice(["utf-8", "cp1252", "utf-16"]), "ignore"
    ),
    "wide text": _in_encoding,
    "soup of quotes": lambda rng: _soup(rng, '",\na', 60_000),
    "soup of line ends": lambda rng: _soup(rng, '\r\n"\x00,1', 60_000),
    "soup of scripts": lambda rng: _soup(rng, "".join(_STRANGE), 50_000),
    "noise": lambda rng: rng.randbytes(rng.randrange(1, 100_000)),
    "noise below a header": lambda rng: b"Name,Mobile\n" + rng.randbytes(50_000),
    "long lines": _long_lines,
    "many columns": _many_columns,
    "delimiters": _delimiters,
    "storm of quotes": _quotes,
    "another kind": lambda rng: (
        rng.choice([b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0", b"%PDF", b"{"])
        + rng.randbytes(1000)
    ),
}


def _honest_workbook(rng: random.Random) -> bytes:
    rows = [
        row(
            number,
            f"Asha {number}",
            9876500000 + number,
            f'<c t="s"><v>{rng.randrange(20)}</v></c>',
            f'<c s="1"><v>{45000 + rng.randrange(900)}</v></c>',
            rng.randrange(10**6) / 100,
        )
        for number in range(2, 120)
    ]
    header = row(1, "Name", "Mobile", "Loan No", "Due Date", "EMI")
    strings = "".join(f"<si><t>LN{number}</t></si>" for number in range(20))
    return workbook(header, *rows, strings=strings)


def _members(data: bytes) -> dict[str, bytes]:
    with ZipFile(BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zipped(members: dict[str, bytes]) -> bytes:
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def _mutated_workbook(mutate: Callable[[random.Random, bytes], bytes]) -> Made:
    return lambda rng: mutate(rng, _honest_workbook(rng))


def _mutated_member(mutate: Callable[[random.Random, bytes], bytes]) -> Made:
    """Return what damages one member and packs it well again."""

    def made(rng: random.Random) -> bytes:
        members = _members(_honest_workbook(rng))
        name = rng.choice(list(members))
        return _zipped({**members, name: mutate(rng, members[name])})

    return made


def _swapped_members(rng: random.Random) -> bytes:
    members = _members(_honest_workbook(rng))
    contents = list(members.values())
    rng.shuffle(contents)
    return _zipped(dict(zip(members, contents, strict=True)))


def _missing_member(rng: random.Random) -> bytes:
    members = _members(_honest_workbook(rng))
    del members[rng.choice(list(members))]
    return _zipped(members)


def _numbers_replaced(rng: random.Random, data: bytes) -> bytes:
    """Return XML in which some numbers are others, also where they are references."""
    huge = ["0", "-1", "99999999999999999999", "1048576", "16384", "1e308", "NaN", ""]
    pieces = data.decode().split('"')
    for _ in range(rng.randrange(1, 6)):
        pieces[rng.randrange(len(pieces))] = rng.choice(huge)
    return '"'.join(pieces).encode()


def _far_cells(rng: random.Random) -> bytes:
    cells = [
        f'<row r="{number}"><c r="{rng.choice(["A", "ZZ", "ALL", "ALM", "XFD", "ZZZ"])}'
        f'{number}"><v>1</v></c></row>'
        for number in sorted(rng.sample(range(2, 1_100_000), 5))
    ]
    return workbook(row(1, "Name", "Mobile"), row(2, "Asha", 9876543210), *cells)


def _bomb(rng: random.Random) -> bytes:
    unit, name = rng.choice(
        [
            (b" ", "xl/worksheets/sheet1.xml"),
            (b"<row/>", "xl/worksheets/sheet1.xml"),
            (b"<row><c/><c/></row>", "xl/worksheets/sheet1.xml"),
            (b"<a>", "xl/worksheets/sheet1.xml"),
            (b"<si><t/></si>", "xl/sharedStrings.xml"),
            (b"<si><t>x</t></si>", "xl/sharedStrings.xml"),
            (b"<xf/>", "xl/styles.xml"),
            (b"<sheet/>", "xl/workbook.xml"),
        ]
    )
    begin = {"xl/worksheets/sheet1.xml": b"<worksheet><sheetData>"}.get(name, b"<x>")
    # The smaller one stays below the size from which a bomb is told by its ratio.
    size = rng.choice([2 << 20, 20 << 20])
    return workbook(members={name: begin + unit * (size // len(unit))})


def _many_members(rng: random.Random) -> bytes:
    extra = {
        f"xl/media/{number}.png": b"" for number in range(rng.choice([50, 12_000]))
    }
    return _zipped({**_members(_honest_workbook(rng)), **extra})


def _repeated_text(rng: random.Random) -> bytes:
    """Return a workbook that makes gigabytes of one text."""
    cells = '<c t="s"><v>0</v></c>' * 900
    rows = "".join(f'<row r="{number}">{cells}</row>' for number in range(1, 40))
    return workbook(rows, strings=f"<si><t>{'x' * 200_000}</t></si>")


WORKBOOKS: dict[str, Made] = {
    "flipped workbook": _mutated_workbook(flipped),
    "truncated workbook": _mutated_workbook(truncated),
    "doubled workbook": _mutated_workbook(doubled),
    "holed workbook": _mutated_workbook(holed),
    "flipped member": _mutated_member(flipped),
    "truncated member": _mutated_member(truncated),
    "doubled member": _mutated_member(doubled),
    "holed member": _mutated_member(holed),
    "numbers replaced": _mutated_member(_numbers_replaced),
    "sprinkled member": _mutated_member(
        lambda rng, data: sprinkled(rng, data.decode()).encode("utf-8", "replace")
    ),
    "swapped members": _swapped_members,
    "missing member": _missing_member,
    "far cells": _far_cells,
    "bomb": _bomb,
    "many members": _many_members,
    "repeated text": _repeated_text,
}
