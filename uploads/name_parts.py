"""First, middle and last name in columns of their own, joined in this order. Pure."""

import re
from collections.abc import Sequence

from uploads.cells import CELL_ERRORS, read_name
from uploads.null_values import NULL_VALUES
from uploads.refusals import CELL_TOO_LONG, LONGEST_CELL, Refused

_BETWEEN_WORDS = re.compile(r"[\s,.]+")


def read_name_part(column: Sequence[str]) -> list[str | Refused]:
    """Return the cells of a part: blank for those that say nothing.

    A full stop or a dash is what a program that wants a last name is given.
    """
    texts = [cell.strip() for cell in column]
    if not NULL_VALUES.isdisjoint(texts):
        texts = ["" if text in NULL_VALUES else text for text in texts]
    return [
        text if not text or text.isalpha() else _read_unusual(text) for text in texts
    ]


def join_names(parts: Sequence[Sequence[str]], *, is_whole: bool) -> list[str]:
    """Join the parts of names. `is_whole`: the first column may have the others in it.

    A first name may have the last one in it too, behind another word.
    """
    first, *others = parts
    names = list(first)
    for column in others:
        names = [
            f"{name} {part}".strip()
            if part and not _says(beginning, part, anywhere=is_whole)
            else name
            for name, beginning, part in zip(names, first, column, strict=True)
        ]
    return names


def _read_unusual(text: str) -> str | Refused:
    if error := CELL_ERRORS.get(text):
        return error
    if len(text) > LONGEST_CELL:
        return CELL_TOO_LONG
    if not any(map(str.isalnum, text)):
        return ""
    read = read_name(text)
    return read if isinstance(read, Refused) else text


def _says(name: str, part: str, *, anywhere: bool) -> bool:
    """Tell whether a part stands in a name already."""
    name, part = name.casefold(), part.casefold()
    if part not in name:
        return False
    words = [word for word in _BETWEEN_WORDS.split(name) if word]
    said = [word for word in _BETWEEN_WORDS.split(part) if word]
    count = len(said)
    if not anywhere:
        return len(words) > count and words[-count:] == said
    return any(words[at : at + count] == said for at in range(len(words) - count + 1))
