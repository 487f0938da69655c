"""What the pages of messages and of events share: colours, and raw JSON."""

import json
import re
from contextlib import suppress
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

# A body may have 3 MB; nobody reads more than this of one on a page.
_SHOWN_CHARACTERS = 100_000
_encoder = json.JSONEncoder(indent=2, ensure_ascii=False)
# Controls, and halves of characters, which no page can hold.
_UNSHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")

STATUS_COLOURS = {
    "processed": "success",
    "pending": "info",
    "unknown number": "warning",
    "parked": "danger",
    "failed": "danger",
    "read": "success",
    "played": "success",
}


def pretty(text: str) -> SafeString:
    """Return JSON laid out to be read, or whatever else it is, escaped.

    Controls, which a browser would leave out, and lone surrogates stand as escapes.
    """
    # What is no JSON is shown as it came: that is what its reader wants to see.
    with suppress(ValueError, RecursionError):
        text = _laid_out(json.loads(text))
    text = beginning(text, _SHOWN_CHARACTERS)
    text = _UNSHOWN.sub(_escaped, text)
    return format_html('<pre class="chat-raw">{}</pre>', text)


def beginning(text: str, length: int) -> str:
    """Return a text, or as much of it as fits a length together with an ellipsis.

    Django's `Truncator` first brings all of a text into Unicode's normal form, which
    takes seconds for a message of nothing but accents.
    """
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _laid_out(tree: Any) -> str:
    """Return JSON with a line for each value, as far as it is shown.

    Indented all through, a few megabytes of deeply nested lists would be gigabytes.
    """
    pieces, length = [], 0
    for piece in _encoder.iterencode(tree):
        pieces.append(piece)
        length += len(piece)
        if length > _SHOWN_CHARACTERS:
            break
    return "".join(pieces)


def _escaped(char: re.Match[str]) -> str:
    number = ord(char[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


class Styled:
    class Media:
        css = {"all": ["messaging/messaging.css"]}
