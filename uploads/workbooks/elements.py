"""XML in pieces, as far as workbooks need it. Pure."""

import re
from collections.abc import Callable
from typing import IO
from xml.parsers import expat

from uploads.encodings import UnreadableFile
from uploads.workbooks.archive import DAMAGED

_CHUNK = 1 << 18
# An element that is longer is not worth waiting for its end.
_LONGEST = 1 << 20
_OTHER_ENCODING = re.compile(
    rb"""\A\s*+<\?xml[^>]*\sencoding=["'](?!utf-8["'])""", re.IGNORECASE
)

Attributes = dict[str, str]


def new_parser() -> expat.XMLParserType:
    """Return a parser that takes no entities of the document's own.

    No spreadsheet program writes any; they serve to make a lot out of little.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise UnreadableFile(DAMAGED)

    parser.StartDoctypeDeclHandler = refuse
    return parser


def each_element(file: IO[bytes], take: Callable[[str, Attributes], None]) -> None:
    """Call `take` with each element's name, without its prefix, and attributes."""
    parser = new_parser()
    parser.StartElementHandler = lambda tag, attributes: take(
        tag.rpartition(":")[2], attributes
    )
    while chunk := file.read(_CHUNK):
        parser.Parse(chunk)
    parser.Parse(b"", True)


class UsualElements:
    """Gives XML to a parser, but for the elements that somebody takes from its hands.

    Calling Python for each tag takes the time; `take_usual` gets an element's text
    without its end tag, and returns False for one that the parser must take apart.
    """

    def __init__(
        self,
        parser: expat.XMLParserType,
        *,
        end_tag: str,
        take_usual: Callable[[str], bool],
    ) -> None:
        self._parser = parser
        self._end_tag = end_tag
        self._end_mark = end_tag.encode()
        self._take_usual = take_usual
        self._carry = b""
        self._is_usual = True

    def read(self, file: IO[bytes], after_chunk: Callable[[], None]) -> None:
        """Read all of a file; raises what the parser does."""
        while chunk := file.read(_CHUNK):
            self._feed(chunk)
            after_chunk()
        self._parser.Parse(self._carry, True)
        after_chunk()

    def _feed(self, chunk: bytes) -> None:
        if not self._is_usual:
            self._parser.Parse(chunk)
            return
        data = self._carry + chunk
        cut = data.rfind(self._end_mark) + len(self._end_mark)
        if cut < len(self._end_mark):
            cut = 0
        # What looks like an element may stand in a comment.
        if b"<!" in data or _OTHER_ENCODING.match(data) or len(data) - cut > _LONGEST:
            self._is_usual, self._carry = False, b""
            self._parser.Parse(data)
            return
        self._carry = data[cut:]
        for element in data[:cut].decode().split(self._end_tag)[:-1]:
            if not self._take_usual(element):
                self._parser.Parse((element + self._end_tag).encode())
