"""Python sequences as PostgreSQL array literals, for `unnest`. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import cast

# Stands between texts while they are quoted together: no text of PostgreSQL's has it.
_BETWEEN = "\0"
_SEPARATOR = '","'


def array(values: Iterable[str | int | datetime | None]) -> str:
    """Return the values, of one type, as one array literal.

    psycopg writes a list's elements one by one in Python: 40 us for a message's row, a
    third of all the work. Here a whole column is written as one, if none of it is null.
    """
    elements = list(values)
    if not elements or None in elements:
        return _one_by_one(elements)
    if not isinstance(elements[0], str):
        return f'{{"{_SEPARATOR.join(map(str, elements))}"}}'
    together = _BETWEEN.join(cast("list[str]", elements))
    if together.count(_BETWEEN) != len(elements) - 1:
        return _one_by_one(elements)
    return f'{{"{_quote(together).replace(_BETWEEN, _SEPARATOR)}"}}'


def _one_by_one(elements: Sequence[str | int | datetime | None]) -> str:
    return f"{{{','.join(map(_element, elements))}}}"


def _element(value: str | int | datetime | None) -> str:
    return "NULL" if value is None else f'"{_quote(str(value))}"'


def _quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
