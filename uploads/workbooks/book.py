"""What a workbook says of its sheets, its dates and its number formats. Pure."""

import posixpath
import re
from dataclasses import dataclass

from uploads.encodings import UnreadableFile
from uploads.workbooks.archive import Archive
from uploads.workbooks.elements import Attributes, each_element
from uploads.workbooks.number_formats import (
    LONGEST_FORMAT,
    NumberFormat,
    parse_format,
)
from uploads.workbooks.values import Meaning

_WORKBOOK = "xl/workbook.xml"
_TYPES = 1 << 18  # bytes of them that matter
_NAMED = 6
_MACRO_TYPES = re.compile(rb"macroenabled", re.IGNORECASE)

# Formats that have a number of their own instead of a text (ECMA-376, 18.8.30).
_BUILT_IN = {
    **dict.fromkeys([9, 10], Meaning.PERCENT),
    **dict.fromkeys([*range(14, 23), *range(27, 37), *range(50, 59)], Meaning.DATE),
    **dict.fromkeys([45, 47], Meaning.DATE),
    46: Meaning.DURATION,
}
# Quoted and escaped text, colours and conditions say nothing of what a number is. What
# is never closed is looked for as far as a format may go.
_DECORATION = re.compile(
    r'"[^"]{0,255}+"|\\.|_.|\*.|\[(?![hms]++\])[^\]]{0,255}+\]', re.IGNORECASE
)
_ELAPSED = re.compile(r"\[[hms]+\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of the workbook, and the member that holds it."""

    name: str
    visible: bool
    member: str
    holds_cells: bool  # charts and dialogues are sheets too

    @property
    def readable(self) -> bool:
        return self.visible and self.holds_cells


@dataclass(frozen=True, slots=True)
class Book:
    """What there is to know before a sheet is read."""

    sheets: tuple[Sheet, ...]
    from_1904: bool
    strings: str  # the member with the texts that cells share; may be ""
    meanings: dict[str, Meaning]  # by style; a style that is not there is plain
    formats: dict[str, NumberFormat]  # by style, of those that show more than digits

    @property
    def readable(self) -> tuple[Sheet, ...]:
        """The sheets with cells that people can see; there is one at least."""
        return tuple(sheet for sheet in self.sheets if sheet.readable)

    def others_sentence(self, chosen: Sheet) -> str:
        """Return which sheets are not read; blank where there is one only.

        Those that people can see and that stand before the chosen one are empty.
        """
        named = []
        before = True
        for sheet in self.sheets:
            if sheet is chosen:
                before = False
                continue
            why = " (hidden)" if not sheet.visible else ""
            why = " (empty)" if before and sheet.readable else why
            named.append(f"\u201c{sheet.name}\u201d{why}")
        if len(named) > _NAMED:
            named[_NAMED:] = [f"{len(named) - _NAMED} more"]
        return f"Not read: {', '.join(named)}." if named else ""


def read_book(archive: Archive) -> Book:
    """Find the sheets, of which one at least can be read."""
    with archive.open("[Content_Types].xml") as types:
        if _MACRO_TYPES.search(types.read(_TYPES)):
            raise UnreadableFile(
                "This workbook is made for macros, which are not run. Save it as "
                ".xlsx or CSV and upload that."
            )
    workbook = _main_member(archive)
    related = _relations(archive, workbook)
    sheets: list[Sheet] = []
    from_1904 = False

    def take(tag: str, attributes: Attributes) -> None:
        nonlocal from_1904
        if tag == "sheet":
            kind, member = related.get(_relation_id(attributes), ("", ""))
            sheets.append(
                Sheet(
                    name=attributes.get("name", ""),
                    visible=attributes.get("state", "visible") == "visible",
                    member=member,
                    holds_cells=kind == "worksheet",
                )
            )
        elif tag == "workbookPr":
            from_1904 = attributes.get("date1904", "0") in ("1", "true", "on")

    with archive.open(workbook) as file:
        each_element(file, take)
    if not any(sheet.readable for sheet in sheets):
        raise UnreadableFile(
            "This workbook has no sheet that can be seen. Unhide the sheet with the "
            "customers, save the workbook and upload it again."
        )
    members = dict(related.values())
    meanings, formats = _read_styles(archive, members.get("styles", ""))
    return Book(
        sheets=tuple(sheets),
        from_1904=from_1904,
        strings=members.get("sharedStrings", ""),
        meanings=meanings,
        formats=formats,
    )


def _main_member(archive: Archive) -> str:
    if "_rels/.rels" in archive:
        for kind, member in _relations(archive, "").values():
            if kind == "officeDocument" and member in archive:
                return member
    if _WORKBOOK not in archive:
        raise UnreadableFile(
            "This is an Office file, but not a workbook. Ask for the list as a "
            "workbook or CSV."
        )
    return _WORKBOOK


def _relations(archive: Archive, member: str) -> dict[str, tuple[str, str]]:
    """Return what a member refers to: id → (kind, member)."""
    folder, name = posixpath.split(member)
    relations: dict[str, tuple[str, str]] = {}

    def take(tag: str, attributes: Attributes) -> None:
        if tag != "Relationship":
            return
        target = attributes.get("Target", "").replace("\\", "/")
        kind = attributes.get("Type", "").rpartition("/")[2]
        path = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
        relations[attributes.get("Id", "")] = (kind, path)

    with archive.open(posixpath.join(folder, "_rels", f"{name}.rels")) as file:
        each_element(file, take)
    return relations


def _relation_id(attributes: Attributes) -> str:
    """Return r:id, whatever prefix a program gives its namespace."""
    for name, value in attributes.items():
        if name.endswith(":id"):
            return value
    return attributes.get("id", "")


def _read_styles(
    archive: Archive, member: str
) -> tuple[dict[str, Meaning], dict[str, NumberFormat]]:
    """Return what the numbers of each style are, and how they are shown.

    Cells name their style by place.
    """
    if member not in archive:
        return {}, {}
    meanings = dict(_BUILT_IN)
    formats: dict[int, NumberFormat] = {}
    styles: list[int] = []
    within = ""

    def take(tag: str, attributes: Attributes) -> None:
        nonlocal within
        if tag in ("cellXfs", "cellStyleXfs", "dxfs"):
            within = tag
        elif tag == "numFmt" and within != "dxfs":
            number = _number(attributes.get("numFmtId"))
            code = attributes.get("formatCode", "")
            meanings[number] = _meaning(code)
            if meanings[number] is Meaning.NUMBER and (shown := parse_format(code)):
                formats[number] = shown
        elif tag == "xf" and within == "cellXfs":
            styles.append(_number(attributes.get("numFmtId")))

    with archive.open(member) as file:
        each_element(file, take)
    return (
        {
            str(place): meanings[number]
            for place, number in enumerate(styles)
            if meanings.get(number, Meaning.NUMBER) is not Meaning.NUMBER
        },
        {
            str(place): formats[number]
            for place, number in enumerate(styles)
            if number in formats
        },
    )


def _meaning(code: str) -> Meaning:
    if len(code) > LONGEST_FORMAT:
        return Meaning.NUMBER
    plain = _DECORATION.sub("", code.partition(";")[0]).lower()
    if _ELAPSED.search(plain):
        return Meaning.DURATION
    if "general" in plain:
        return Meaning.NUMBER
    if any(mark in plain for mark in "ymdhs"):
        return Meaning.DATE
    return Meaning.PERCENT if "%" in plain else Meaning.NUMBER


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else 0
