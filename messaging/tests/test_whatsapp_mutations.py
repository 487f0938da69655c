"""Real payloads, broken in every way hypothesis thinks of: the parser must shrug."""

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messaging.whatsapp import Message, Status, parse

PAYLOADS = [
    path.read_bytes()
    for path in sorted(
        (Path(__file__).parent / "payloads").glob("[a-h][0-9][0-9]_*.json")
    )
    if path.stat().st_size < 10_000
]
TREES = [json.loads(raw) for raw in PAYLOADS if raw.isascii() and raw.endswith(b"}")]

odd_texts = st.text(st.characters(codec=None), max_size=12) | st.sampled_from(
    ["", " ", "\x00", "\ud800", "919800000101", "+91", "IN.77", "9" * 30, "messages"]
)
odd_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -1, 1795269600, 1795269600000])
    | st.floats()
    | odd_texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(odd_texts, inner, max_size=3)
    ),
    max_leaves=6,
)
examples = settings(
    max_examples=300,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from places(tree[key])


@st.composite
def mutated_bodies(draw: st.DrawFn) -> bytes:
    tree = json.loads(json.dumps(draw(st.sampled_from(TREES))))
    for _ in range(draw(st.integers(1, 4))):
        left = list(places(tree))
        if not left:
            break
        parent, key = draw(st.sampled_from(left))
        match draw(st.sampled_from(["replace", "drop", "wrap", "repeat", "add"])):
            case "replace":
                parent[key] = draw(odd_values)
            case "drop":
                del parent[key]
            case "wrap":
                parent[key] = [parent[key]]
            case "repeat" if isinstance(parent, list):
                parent.append(parent[key])
            case "add" if isinstance(parent, dict):
                parent[draw(odd_texts)] = draw(odd_values)
    return json.dumps(tree).encode()


@st.composite
def garbled_bodies(draw: st.DrawFn) -> bytes:
    raw = bytearray(draw(st.sampled_from(PAYLOADS)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(raw)))
        raw[at : at + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
    return bytes(raw)


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from texts_in(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from texts_in(getattr(value, field.name))


def refuse(literal: str) -> None:
    raise AssertionError(f"{literal} is no JSON")


def assert_storable(raw: bytes) -> None:
    payload = parse(raw)

    for text in texts_in((payload.changes, payload.problems)):
        text.encode()  # raises on half a surrogate pair
        assert "\x00" not in text
    for change in payload.changes:
        item: Message | Status
        for item in (*change.messages, *change.statuses):
            assert 0 < len(item.wamid) <= 512
            assert "\\u0000" not in item.payload.replace("\\\\", "")
            assert isinstance(json.loads(item.payload, parse_constant=refuse), dict)
        for item in change.messages:
            if item.person:
                phone = item.person.phone
                assert phone is None or (phone.isascii() and phone.isdigit())
                assert phone or item.person.user_id
            else:
                assert item.kind == "system"


@given(mutated_bodies())
@examples
def test_a_payload_with_mutated_values_is_read_as_far_as_it_goes(raw):
    assert_storable(raw)


@given(garbled_bodies())
@examples
def test_a_payload_with_garbled_bytes_is_read_as_far_as_it_goes(raw):
    assert_storable(raw)


@given(st.binary(max_size=64))
@examples
def test_any_bytes_at_all_are_read(raw):
    assert_storable(raw)
