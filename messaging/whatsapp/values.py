"""Read single values out of JSON that nobody vouches for.

Whatever a value turns out to be, these functions answer with something that
PostgreSQL's text and jsonb accept, or with nothing.
"""

import json
import math
import re
from datetime import UTC, datetime
from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]

# A unique index row holds 2,700 bytes at most; real message ids have about 60.
MAX_ID_BYTES = 2_048
MAX_NAME_LENGTH = 200

REPLACEMENT = "\ufffd"

# Meta, "Business-scoped user IDs": country, a dot, "ENT." in parent ids, then letters
# and digits.
_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")

# PostgreSQL refuses NUL and half of a surrogate pair, in text and in jsonb. The first
# pattern finds bodies that may hold one, escaped or not; most hold none.
_MAYBE_UNSTORABLE = re.compile(r"\\u0000|\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")

# Direction overrides let a name rewrite the line it stands in.
_NOT_IN_A_NAME = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufffd\u202a-\u202e\u2066-\u2069]"
)
_SHOWS_NOTHING = frozenset(" \u115f\u1160\u2800\u3164\uffa0")

# As people write numbers; the dot stays, a WhatsApp user id has one.
_IN_A_NUMBER = str.maketrans("", "", " \t\n\r\u00a0-()")
_UNIX_TIME = re.compile(r"\d{1,13}(?:\.\d{1,9})?", re.ASCII)
_EARLIEST = datetime(2009, 1, 1, tzinfo=UTC).timestamp()  # the year WhatsApp began
_LATEST = datetime(2100, 1, 1, tzinfo=UTC).timestamp()
_SECONDS_END = 10**11  # above it the number can only be milliseconds
_MILLISECONDS_END = 10**14


class UnreadableBody(Exception):
    """The body is no JSON; the message says why, fit for a reader."""


def _finite(literal: str) -> float | None:
    number = float(literal)
    return number if math.isfinite(number) else None


_decoder = json.JSONDecoder(
    parse_float=_finite,
    # NaN and Infinity are no JSON, and jsonb refuses them: they become null.
    parse_constant=lambda _literal: None,
)
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def load(body: bytes) -> Any:
    """Return the body's JSON with every NUL and lone surrogate replaced by U+FFFD.

    The bytes themselves stay in the event, so the replacement loses nothing.
    """
    try:
        # What begins so can only be UTF-8, and nearly every body does.
        encoding = "utf-8" if body[:2] == b'{"' else json.detect_encoding(body)
        text = body.decode(encoding, "surrogatepass")
        tree = _decoder.decode(text)
    except UnicodeDecodeError as exc:
        raise UnreadableBody(
            f"The body is not valid UTF-8 text: byte {exc.start} does not fit."
        ) from exc
    except json.JSONDecodeError as exc:
        raise UnreadableBody(
            f"The body is not JSON: it breaks off or goes wrong at character {exc.pos}."
        ) from exc
    except RecursionError as exc:
        raise UnreadableBody("The body is nested too deeply to be read.") from exc
    except ValueError as exc:
        # Python refuses to convert integers of more than 4,300 digits.
        raise UnreadableBody(
            "The body holds a number with thousands of digits."
        ) from exc
    # Two cheap questions rule out nearly every body.
    may_hold = "\\u" in text or not text.isascii()
    if may_hold and _MAYBE_UNSTORABLE.search(text):
        return _storable(tree)
    return tree


def _storable(tree: Any) -> Any:
    """Replace what PostgreSQL refuses, without recursion: the depth is the sender's."""
    root = [tree]
    stack: list[Any] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            pairs = list(node.items())
            node.clear()
            for key, value in pairs:
                node[_UNSTORABLE.sub(REPLACEMENT, key)] = value
            places: Any = node.keys()
        else:
            places = range(len(node))
        for place in places:
            value = node[place]
            if isinstance(value, str):
                node[place] = _UNSTORABLE.sub(REPLACEMENT, value)
            elif isinstance(value, dict | list):
                stack.append(value)
    return root[0]


def to_json(item: Any) -> str | None:
    """Return the item as text for a jsonb column; None when nested too deeply."""
    try:
        return _encoder.encode(item)
    except RecursionError:
        return None


def object_at(parent: JsonObject, key: str) -> JsonObject:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def objects_at(parent: JsonObject, key: str) -> list[JsonObject]:
    """Return the objects of a list, leaving out whatever else stands in it."""
    value = parent.get(key)
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, dict)]


def text_at(parent: JsonObject, key: str) -> str:
    value = parent.get(key)
    return value if isinstance(value, str) else ""


def id_at(parent: JsonObject, key: str) -> str:
    """Return the id, or "" when there is none that can be kept."""
    value = parent.get(key)
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str) or len(value.encode()) > MAX_ID_BYTES:
        return ""
    return value.strip()


def phone_of(value: object) -> str | None:
    """Return a phone number as digits without plus, or None.

    A WhatsApp user id reduced to its digits would look like a phone, so nothing is
    left out but a leading plus and what people set between digits.
    """
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        return None
    digits = value
    if not digits.isdigit():
        digits = value.translate(_IN_A_NUMBER).removeprefix("+")
    if 5 <= len(digits) <= 20 and digits.isascii() and digits.isdigit():
        return digits
    return None


def user_id_of(value: object) -> str | None:
    """Return a WhatsApp user id as it stands (its case matters), or None."""
    if isinstance(value, str) and _USER_ID.fullmatch(value):
        return value
    return None


def name_of(value: object) -> str:
    """Return a name on one line without controls; "" when nothing of it shows."""
    if not isinstance(value, str):
        return ""
    if value.isascii() and value.isprintable():
        return " ".join(value.split())[:MAX_NAME_LENGTH].strip()
    name = " ".join(_NOT_IN_A_NAME.sub("", value).split())[:MAX_NAME_LENGTH].strip()
    if any(char.isprintable() and char not in _SHOWS_NOTHING for char in name):
        return name
    return ""


def moment_of(value: object) -> datetime | None:
    """Return a Unix time given in seconds or milliseconds, as text or number.

    Anything else, and every time outside the years 2009 to 2099, is None.
    """
    if isinstance(value, str):
        text = value.strip()
        if not _UNIX_TIME.fullmatch(text):
            return None
        value = float(text) if "." in text else int(text)
    # Compared before it is divided: an integer may be too large for a float.
    if (type(value) is int or type(value) is float) and value < _MILLISECONDS_END:
        seconds = value / 1000 if value >= _SECONDS_END else value
        if _EARLIEST <= seconds < _LATEST:
            return datetime.fromtimestamp(seconds, UTC)
    return None
