"""What a refused cell or row is told. Pure."""

from typing import NamedTuple


class Refused(NamedTuple):
    """Why a cell is not taken: a code to group by and a sentence to act on."""

    code: str
    message: str
