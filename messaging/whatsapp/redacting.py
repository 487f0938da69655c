"""Take one person out of a webhook's body and leave everybody else in. Pure."""

import json
import re
from collections.abc import Collection
from typing import Any

from messaging.whatsapp.values import UnreadableBody, load

_PHONE = re.compile(r"\+?[\d\s().-]{7,24}", re.ASCII)
_NO_DIGITS = re.compile(r"\D", re.ASCII)
# What an item says about others: the message it answers, cards somebody shared.
_ABOUT_OTHERS = frozenset(["context", "reaction", "edit", "revoke", "text", "contacts"])


def without_person(
    body: bytes, *, phone_number_ids: Collection[str], marks: Collection[str]
) -> bytes | None:
    """Return the body without what it says of a person; None when nothing is left.

    `marks` are the numbers (digits), user ids and message ids that mean the person;
    `phone_number_ids` the business numbers of the tenant who forgets them: what the
    body carries for others stays. A body that holds nothing of them comes back as it
    is, byte for byte; one that cannot be read or searched holds nothing for anybody and
    goes.
    """
    try:
        tree = load(body)
    except UnreadableBody:
        return None
    entries = tree.get("entry") if isinstance(tree, dict) else None
    if not isinstance(entries, list):
        return body
    known = frozenset(marks)
    touched = False
    kept_entries = []
    for entry in entries:
        changes = entry.get("changes") if isinstance(entry, dict) else None
        if not isinstance(changes, list):
            kept_entries.append(entry)
            continue
        kept = []
        for change in changes:
            value = change.get("value") if isinstance(change, dict) else None
            if not isinstance(value, dict) or _number_of(value) not in phone_number_ids:
                kept.append(change)
                continue
            try:
                rest, removed = _sift(value, known)
            except RecursionError:  # nested too deeply to be searched
                return None
            touched |= removed
            if not removed or _still_says_something(rest):
                kept.append({**change, "value": rest})
        if kept:
            kept_entries.append({**entry, "changes": kept})
    if not touched:
        return body
    if not kept_entries:
        return None
    return json.dumps({**tree, "entry": kept_entries}, ensure_ascii=False).encode()


def _number_of(value: dict[str, Any]) -> Any:
    metadata = value.get("metadata")
    return metadata.get("phone_number_id") if isinstance(metadata, dict) else None


def _sift(value: Any, marks: Collection[str], within_item: bool = False) -> Any:
    """Return (the rest, whether anything went): lists lose the person's items."""
    if isinstance(value, dict):
        sifted = {
            key: (part, False)
            if within_item and key in _ABOUT_OTHERS
            else _sift(part, marks, within_item)
            for key, part in value.items()
        }
        return (
            {key: part for key, (part, _) in sifted.items()},
            any(removed for _, removed in sifted.values()),
        )
    if isinstance(value, list):
        others = [item for item in value if not _is_theirs(item, marks)]
        rest = [_sift(item, marks, within_item=True) for item in others]
        return (
            [item for item, _ in rest],
            len(others) < len(value) or any(removed for _, removed in rest),
        )
    return value, False


def _is_theirs(item: Any, marks: Collection[str]) -> bool:
    """Tell whether an item names the person as whom it is from, to or about."""
    if isinstance(item, str):
        return item in marks or (
            _PHONE.fullmatch(item) is not None and _NO_DIGITS.sub("", item) in marks
        )
    if isinstance(item, dict):
        return any(
            _is_theirs(value, marks)
            for key, value in item.items()
            if key not in _ABOUT_OTHERS and not isinstance(value, list)
        )
    return False


def _still_says_something(value: dict[str, Any]) -> bool:
    lists = [one for one in value.values() if isinstance(one, list)]
    return not lists or any(lists)
