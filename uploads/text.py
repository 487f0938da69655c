"""Text without the characters that nobody sees and everything trips over. Pure."""

import re

_PLAIN_BYTES = bytes([9, 10, 13, *range(32, 127)])

# Control characters (NUL never reaches PostgreSQL), soft hyphens, zero-width
# characters, direction marks, byte order marks in the middle of a file.
_UNSEEN = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
)
_DROPPED = re.compile(f"[{_UNSEEN}]")
# Without it the two line ends were one, and the lines not those of the bytes.
_BETWEEN_LINE_ENDS = re.compile(f"(?<=\r)[{_UNSEEN}\u200c\u200d]++(?=\n)")
# Joiners shape letters of Indian and Arabic scripts; anywhere else they are dirt.
_LOOSE_JOINER = re.compile(
    "(?<![\u0600-\u109f])[\u200c\u200d]|[\u200c\u200d](?![\u0600-\u109f])"
)
# Spaces of every width, and what Unicode, but no CSV file, counts as a line's end.
_SPACES = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_LINE_ENDS = re.compile("[\x0b\x0c\x1c-\x1f\x85\u2028\u2029]")
_SUSPECT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xa0\xad\u061c\u1680\u180e\u2000-\u200f"
    "\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufff9-\ufffb]"
)


def cleaned(data: bytes, encoding: str, errors: str) -> tuple[str, int]:
    """Return the bytes as clean text, and how many characters were taken out."""
    text = data.decode(encoding, errors)
    # In every encoding here ASCII's bytes stand for themselves only. Few are left.
    others = data.translate(None, _PLAIN_BYTES)
    if not others or not _SUSPECT.search(others.decode(encoding, errors)):
        return text, 0
    text = _LINE_ENDS.sub(" ", _SPACES.sub(" ", text))
    text, between = _BETWEEN_LINE_ENDS.subn(" ", text)
    text, dropped = _DROPPED.subn("", text)
    text, joiners = _LOOSE_JOINER.subn("", text)
    return text, between + dropped + joiners
