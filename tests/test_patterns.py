"""No text of a stranger's makes a regular expression of ours work long.

Patterns are found by looking through the modules, so that a new one is tested without
being named here.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings

from tests.hostile_strings import hostile_strings
from tests.project_patterns import (
    Found,
    address_patterns,
    calls_in_source,
    held_patterns,
    project_modules,
)
from uploads.number_search import text_pattern, workbook_pattern
from uploads.workbooks.sheet import usual_row

# Those that functions make while the program runs, one of each for an example.
MADE = {
    "uploads.number_search.text_pattern": text_pattern(["9876543210", "4155550123"]),
    "uploads.number_search.workbook_pattern": workbook_pattern(
        ["9876543210", "4155550123"]
    ),
    "uploads.workbooks.sheet.usual_row": usual_row(3),
}


def slow_among(patterns: Iterable[Found]) -> list[dict[str, Any]]:
    """Return those that are slow, as a process of its own finds: it can be ended."""
    different = {(found.pattern, found.flags): found.name for found in patterns}
    asked = [
        (name, str(pattern, "latin-1"), True, flags)
        if isinstance(pattern, bytes)
        else (name, pattern, False, flags)
        for (pattern, flags), name in different.items()
    ]
    child = subprocess.run(
        [sys.executable, "-m", "tests.hostile_strings"],
        input=json.dumps(asked).encode(),
        capture_output=True,
        cwd=settings.BASE_DIR,
        timeout=300,
        check=True,
    )
    found: list[dict[str, Any]] = json.loads(child.stdout)
    return found


def test_every_pattern_takes_time_that_grows_as_its_text() -> None:
    modules = list(project_modules())
    held = list(held_patterns(modules))
    written = [
        Found(call.function, call.pattern, flags)
        for call in calls_in_source(modules)
        if call.function and call.pattern is not None
        for flags in (0, re.IGNORECASE)
    ]
    made = [Found(name, one.pattern, one.flags) for name, one in MADE.items()]

    slow = slow_among([*held, *written, *made, *address_patterns()])

    assert slow == []
    assert len(held) > 80


def test_patterns_made_while_the_program_runs_have_an_example_here() -> None:
    calls = list(calls_in_source(project_modules()))

    made = {call.function for call in calls if call.function and call.pattern is None}

    assert made == set(MADE)


BAD = {
    "marks": r"(?:[*xX]+[ -]*)+\d{4}",
    "brackets": r"\s*\(.*\)\s*$",
    "nested": r"^(?:\w+\s?)*$",
    "alternatives": r"(?:a|aa)+b",
    "overlapping": r"\d*[\d.]*\d*,",
    "unanchored": r"\d+x",
    "late": r"id: (?:[a-z]+ ?)+\.",
    "lookahead": r",(?=.*;)",
    # What stood in the product.
    "national_ids._MASKED": (
        r"[Xx*#•●]{2,}(?:[ -]?[Xx*#•●]+)*[ -]?([0-9]{4}|[0-9]{3}[A-Za-z])"
    ),
    "header_names._ADDED": r"[ (\[_-]+(?:in rupees|rs\.?|inr)[)\]]*$",
    "amounts._CURRENCY_AFTER": r"\s*(?:₹|rs\.?|inr)",
    "amounts._UNIT": r"(.*?)\s*(lakhs?|lacs?|crores?|cr)\.?",
    "phones._SHAPE": r"[(\s]*\+?[(\s]*\d(?:[\d\s().-]*[\d)])?",
    "dates._TIME": r"[T\s]\s*[0-9]{1,2}:[0-9]{2}",
    "cells._EMAIL": r"[^\s@.]+(?:\.[^\s@.]+)*@[a-z]+",
    "book._DECORATION": r'"[^"]*"|\[(?![hms]+\])[^\]]*\]',
    "values._NUMBER": r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)",
}


def test_patterns_in_quadratic_and_exponential_time_are_found() -> None:
    slow = slow_among(Found(name, pattern, 0) for name, pattern in BAD.items())

    assert {name for name, *_ in slow} == set(BAD)


def test_linear_patterns_are_not_taken_for_slow_ones() -> None:
    good = [r"\A\d++x", r"[ -]", r"(?<!\s)\s*+rs", r'"[^"]{0,255}+"', r"\A(?:a|bb)+c"]

    assert slow_among(Found(pattern, pattern, 0) for pattern in good) == []


@dataclass(slots=True)
class _Holder:
    pattern: Any = field(default_factory=lambda: re.compile("in a slot"))


def _closing_over(pattern: Any) -> Any:
    return lambda text: pattern.search(text)


def test_patterns_are_found_wherever_a_module_holds_them() -> None:
    module = ModuleType("uploads.example")
    ours = {"__module__": "uploads.example"}
    closure = _closing_over(re.compile("in a closure"))
    closure.__module__ = "uploads.example"
    _Holder.__module__ = "uploads.example"
    vars(module).update(
        NAME=re.compile("in a name"),
        BYTES=re.compile(b"in bytes"),
        PAIRS=((re.compile("in a tuple"), "field"),),
        BY_KEY={"key": [re.compile("in a list")], re.compile("in a key"): 1},
        method=re.compile("in a method").fullmatch,
        part=partial(map, re.compile("in a partial").search),
        Class=type("Class", (), {**ours, "inner": re.compile("in a class")}),
        holder=_Holder(),
        closure=closure,
    )

    found = {one.pattern for one in held_patterns([module])}

    assert found == {
        b"in bytes",
        *(
            f"in a {place}"
            for place in (
                "name", "tuple", "list", "key", "method", "partial", "class", "slot",
                "closure",
            )
        ),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        (r"[0-9]+x", ("", "0", "\x00")),
        (r"id: (?:[a-z]+ ?)+\.", ("id: ", "a ", "\x00")),
        (r"(?:,[0-9]{2})*;", ("", ",00", "\x00")),
        (r"[^\]]*\]", ("", "]", "")),
        (rb"\s*<", ("", " ", "\x00")),
    ],
)
def test_hostile_strings_are_made_of_the_patterns_parts(
    pattern: str, wanted: tuple[str, str, str]
) -> None:
    assert wanted in hostile_strings(re.compile(pattern))
