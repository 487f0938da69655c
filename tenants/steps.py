"""A test that an operator runs, step by step, with the verdict of each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was checked; a step that failed says what to do about it."""

    name: str
    ok: bool
    found: str
    next_step: str = ""
