"""Ids of rows, as visitors and programs write them in addresses."""

_MOST_DIGITS = 18  # each number of so many fits into a bigint


def row_id_of(text: str) -> int | None:
    """Return the id that a text names; None for what is the id of no row."""
    if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS:
        return int(text)
    return None
