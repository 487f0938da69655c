"""Strings that make a regular expression work as long as it can, and how long it does.

Run as a program it reads patterns from its standard input and writes, as JSON, those
that were slow: a pattern of exponential time keeps this process busy, not its parent.
"""

import json
import re
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

LENGTH = 10_000
MOST_SECONDS = 0.05
# A pattern in quadratic time may be quick enough at this length. What takes longer than
# so much must not take more than its share at the greater length.
_SUSPICIOUS_SECONDS = 0.002
_TIMES_LONGER = 4
_TRIES = 3
# Then a match is broken off: an exponential one would never end.
_PATIENCE_SECONDS = 0.25
# What is substituted is searched for first, and then again behind each that was found:
# this is `search`, `split` and `finditer` too.
_METHODS = ("match", "fullmatch", "sub")

_UNITS = 300
_TAILS = ("", "\x00", "\n", "é", "!")
_MARKS = [*map(chr, range(128)), *"\xa0\xadéß²₹आ०ा\u200b\u2028\ufeff\ud800Ｘ•😀"]

Text = str | bytes
Nodes = Iterable[tuple[Any, Any]]


class Slow(NamedTuple):
    """A pattern, what it was slow at, and for how long."""

    name: str
    pattern: str
    method: str
    text: str
    seconds: float


class _Patience(Exception):
    """A match took far too long."""


def slow_patterns(patterns: Iterable[tuple[str, Text, int]]) -> Iterator[Slow]:
    """Yield each of (name, pattern, flags) that is slow at one of its strings."""
    signal.signal(signal.SIGPROF, _break_off)
    for name, pattern, flags in patterns:
        if slow := _first_slow(name, re.compile(pattern, flags)):
            yield slow


def hostile_strings(pattern: "re.Pattern[Any]") -> list[tuple[str, str, str]]:
    """Return (beginning, what is repeated, end) of each string to try.

    What is repeated: a mark of each kind that the pattern tells apart, two of them in
    turns, and whatever one of its groups that may repeat matches. Before it stands what
    leads into such a group; after it what lets the match go on, or fail.
    """
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
    ignore_case = bool(pattern.flags & re.IGNORECASE)
    sets = list(_sets(tree))
    kinds: dict[tuple[bool, ...], str] = {}
    for mark in _candidates(sets, isinstance(pattern.pattern, bytes)):
        kinds.setdefault(tuple(_has(one, mark, ignore_case) for one in sets), mark)
    marks = list(kinds.values())
    repeated = list(_repeated(tree, ""))
    beginnings = list(dict.fromkeys(["", *(before for before, _ in repeated)]))
    units = list(
        dict.fromkeys(
            [
                *marks,
                *(unit for _, unit in repeated if unit),
                *(one + other for one in marks for other in marks if one < other),
            ]
        )
    )[:_UNITS]
    tails = [mark for mark in _TAILS if mark in ("", *marks)][:2]
    tails += [mark for mark in ("\x00",) if mark not in tails]
    return [(b, u, t) for b in beginnings for u in units for t in tails]


def _first_slow(name: str, pattern: "re.Pattern[Any]") -> Slow | None:
    for parts in hostile_strings(pattern):
        for method in _METHODS:
            allowed, seconds = MOST_SECONDS, _seconds(pattern, method, parts, LENGTH)
            if _SUSPICIOUS_SECONDS < seconds <= MOST_SECONDS:
                allowed *= _TIMES_LONGER
                seconds = _seconds(pattern, method, parts, LENGTH * _TIMES_LONGER)
            if seconds > allowed:
                beginning, unit, tail = parts
                text = f"{beginning!r} + {unit!r} * n + {tail!r}"
                return Slow(name, repr(pattern.pattern), method, text, seconds)
    return None


def _seconds(
    pattern: "re.Pattern[Any]", method: str, parts: tuple[str, str, str], length: int
) -> float:
    """Return the processor's time of a match: the least of several, if it is long."""
    beginning, unit, tail = parts
    text: Any = beginning + unit * (length // len(unit)) + tail
    if isinstance(pattern.pattern, bytes):
        text = text.encode("latin-1", "replace")
    run = getattr(pattern, method)
    arguments = (text[:0], text) if method == "sub" else (text,)
    best = _PATIENCE_SECONDS
    for _ in range(_TRIES):
        signal.setitimer(signal.ITIMER_PROF, _PATIENCE_SECONDS)
        began = time.process_time()
        try:
            run(*arguments)
        except _Patience:
            return best
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        best = min(best, time.process_time() - began)
        if best <= _SUSPICIOUS_SECONDS:
            break
    return best


def _break_off(*_: object) -> None:
    raise _Patience


def _sets(nodes: Nodes) -> Iterator[tuple[Any, Any]]:
    """Yield the nodes that match one character."""
    for kind, value in nodes:
        if kind in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            yield kind, value
        else:
            for inner in _inner(kind, value):
                yield from _sets(inner)


def _inner(kind: Any, value: Any) -> list[Any]:
    """Return the sequences of nodes within a node."""
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        return [value[2]]
    if kind is op.BRANCH:
        return list(value[1])
    if kind is op.SUBPATTERN:
        return [value[3]]
    if kind is op.ATOMIC_GROUP:
        return [value]
    if kind in (op.ASSERT, op.ASSERT_NOT):
        return [value[1]]
    if kind is op.GROUPREF_EXISTS:
        return [one for one in value[1:] if one is not None]
    return []


def _repeated(nodes: Nodes, before: str) -> Iterator[tuple[str, str]]:
    """Yield, for each repeat, what leads into it and what it repeats."""
    for kind, value in nodes:
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            for unit in _alternatives(value[2]):
                yield before, unit
        for inner in _inner(kind, value):
            yield from _repeated(inner, before)
        before += _example([(kind, value)])


def _alternatives(nodes: Nodes) -> list[str]:
    found = [_example(nodes), _example(nodes, least=1)]
    for kind, value in nodes:
        for inner in _inner(kind, value):
            found += _alternatives(inner)
    return list(dict.fromkeys(found))


def _example(nodes: Nodes, least: int = 0) -> str:
    """Return something short that the nodes match; lookarounds are passed over."""
    text = ""
    for kind, value in nodes:
        if kind in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            marks = [*"0a1A9xX -.,", *_candidates([(kind, value)], in_bytes=False)]
            if kind is op.LITERAL:
                marks = [chr(value)]
            text += next((m for m in marks if _has((kind, value), m, False)), "")
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            count = max(value[0], min(least, value[1]))
            text += _example(value[2], least) * min(count, 100)
        elif kind is op.GROUPREF:
            text += "-"
        elif kind not in (op.ASSERT, op.ASSERT_NOT) and _inner(kind, value):
            text += _example(_inner(kind, value)[0], least)
    return text


def _candidates(sets: Nodes, in_bytes: bool) -> list[str]:
    """Return the characters of which one of each kind is tried."""
    marks = list("0a A-!") + _MARKS
    for kind, value in sets:
        members = value if kind is op.IN else [(kind, value)]
        for member, what in members:
            if member in (op.LITERAL, op.NOT_LITERAL):
                marks += [chr(what)]
            elif member is op.RANGE:
                marks += [chr(what[0]), chr(what[1])]
    return [mark for mark in dict.fromkeys(marks) if not in_bytes or ord(mark) < 256]


def _has(node: tuple[Any, Any], mark: str, ignore_case: bool) -> bool:
    """Tell whether a node that matches one character matches this one."""
    if ignore_case and len(mark.lower()) == len(mark.upper()) == 1:
        return _has(node, mark.lower(), False) or _has(node, mark.upper(), False)
    kind, value = node
    if kind is op.LITERAL:
        return ord(mark) == value
    if kind is op.NOT_LITERAL:
        return ord(mark) != value
    if kind is op.ANY:
        return mark != "\n"
    negated = value[0][0] is op.NEGATE
    found = any(_is_member(member, what, mark) for member, what in value)
    return found is not negated


def _is_member(kind: Any, what: Any, mark: str) -> bool:
    if kind is op.LITERAL:
        return ord(mark) == what
    if kind is op.RANGE:
        return bool(what[0] <= ord(mark) <= what[1])
    if kind is op.CATEGORY:
        return bool(re.match(_CATEGORIES[what], mark))
    return False


_CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}


if __name__ == "__main__":
    asked = [
        (name, pattern.encode("latin-1") if is_bytes else pattern, flags)
        for name, pattern, is_bytes, flags in json.load(sys.stdin)
    ]
    json.dump(list(slow_patterns(asked)), sys.stdout)
