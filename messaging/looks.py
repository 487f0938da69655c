"""What the pages of messages and of events share: colours, and raw JSON."""

import json
import re
from contextlib import suppress

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

# A body may have 3 MB; nobody reads more than this of one on a page.
_SHOWN_CHARACTERS = 100_000
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
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    text = _UNSHOWN.sub(_escaped, text)
    return format_html(
        '<pre class="chat-raw">{}</pre>', Truncator(text).chars(_SHOWN_CHARACTERS)
    )


def _escaped(char: re.Match[str]) -> str:
    number = ord(char[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


class Styled:
    class Media:
        css = {"all": ["messaging/messaging.css"]}
