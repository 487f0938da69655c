"""The texts that a workbook's cells share. Pure."""

import re
from typing import IO

from uploads.encodings import UnreadableFile
from uploads.workbooks.archive import TOO_LARGE
from uploads.workbooks.elements import Attributes, UsualElements, new_parser
from uploads.workbooks.values import text_cell

MOST_STRINGS = 2_000_000
_USUAL = re.compile(r'<si><t(?: xml:space="preserve")?>([^<&]*)</t>')


def read_strings(file: IO[bytes]) -> list[str]:
    """Return the shared texts, each as one field of a line."""
    return _StringReader().read(file)


class _StringReader:
    """Joins the runs of rich text, and leaves out how it is pronounced."""

    def __init__(self) -> None:
        self._strings: list[str] = []
        self._pieces: list[str] = []
        self._listening = self._spoken = False
        self._parser = parser = new_parser()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text

    def read(self, file: IO[bytes]) -> list[str]:
        elements = UsualElements(
            self._parser, end_tag="</si>", take_usual=self._take_usual
        )
        elements.read(file, self._count)
        return self._strings

    def _count(self) -> None:
        if len(self._strings) > MOST_STRINGS:
            raise UnreadableFile(TOO_LARGE)

    def _take_usual(self, element: str) -> bool:
        found = _USUAL.fullmatch(element)
        if found is None:
            return False
        self._strings.append(text_cell(found[1]))
        return True

    def _start(self, tag: str, _: Attributes) -> None:
        name = tag.rpartition(":")[2]
        if name == "t":
            self._listening = not self._spoken
        elif name == "rPh":
            self._spoken = True
        elif name == "si":
            self._pieces.clear()

    def _end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if name == "t":
            self._listening = False
        elif name == "rPh":
            self._spoken = False
        elif name == "si":
            self._strings.append(text_cell("".join(self._pieces)))

    def _text(self, text: str) -> None:
        if self._listening:
            self._pieces.append(text)
