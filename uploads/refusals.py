"""What a refused cell or row is told. Pure."""

from typing import NamedTuple


class Refused(NamedTuple):
    """Why a cell is not taken: a code to group by and a sentence to act on."""

    code: str
    message: str


# No field of a customer needs more; a longer cell is never parsed.
LONGEST_CELL = 1_000
CELL_TOO_LONG = Refused(
    "cell_too_long",
    f"This cell has more than {LONGEST_CELL:,} characters, with its spaces: keep what "
    "its column is for, and move the rest to a column for remarks.",
)
