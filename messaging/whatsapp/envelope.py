"""Take one POST body apart into what happened at each of the business's numbers."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

from messaging.whatsapp.coexistence import (
    AddressBookEntry,
    Preference,
    read_address_book_entry,
    read_preference,
    thread_person,
)
from messaging.whatsapp.messages import (
    Message,
    read_echo,
    read_history_message,
    read_inbound,
)
from messaging.whatsapp.people import IdentityChange, People, changed_user_id
from messaging.whatsapp.statuses import Status, read_status
from messaging.whatsapp.values import (
    JsonObject,
    UnreadableBody,
    load,
    object_at,
    objects_at,
    phone_of,
    text_at,
)

_Item = TypeVar("_Item")

# Every other field is about the account, not about a conversation.
_CONVERSATION_FIELDS = frozenset(
    {
        "messages",
        "smb_message_echoes",
        "history",
        "smb_app_state_sync",
        "user_preferences",
        "user_id_update",
    }
)
_MAX_META_ID_LENGTH = 32
# The entry id of what the App Dashboard sends when somebody presses Test.
_DASHBOARD_TEST = "0"


class Problem(NamedTuple):
    """Something that cannot be kept as a row; `where` is its place in the payload."""

    where: str
    reason: str


class Change(NamedTuple):
    """What one change tells about one of the business's numbers."""

    where: str
    field: str
    waba_id: str
    # Which number it came to, and so whose it is; "" for what concerns no number.
    phone_number_id: str = ""
    messages: tuple[Message, ...] = ()
    statuses: tuple[Status, ...] = ()
    identity_changes: tuple[IdentityChange, ...] = ()
    address_book: tuple[AddressBookEntry, ...] = ()
    preferences: tuple[Preference, ...] = ()
    # Things told that have no table: they stay in the event.
    other_count: int = 0
    is_dashboard_test: bool = False


class Payload(NamedTuple):
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]


def parse(body: bytes) -> Payload:
    """Read a webhook body. Whatever the bytes are, this returns and never raises.

    What cannot be read becomes a Problem; its siblings are read all the same.
    """
    reader = _Reader()
    try:
        tree = load(body)
    except UnreadableBody as exc:
        return Payload(changes=(), problems=(Problem("body", str(exc)),))
    changes = tuple(reader.changes(tree))
    return Payload(changes=changes, problems=tuple(reader.problems))


class _Reader:
    """Reads one body and gathers what it could not read."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def changes(self, tree: Any) -> Iterator[Change]:
        if not isinstance(tree, dict):
            self._problem("body", "The body is JSON, but not an object.")
            return
        if tree.get("object") != "whatsapp_business_account":
            self._problem("object", "The body is not about a WhatsApp account.")
            return
        for where, entry in self._objects(tree, "entry", "", required=True):
            for place, change in self._objects(entry, "changes", where, required=True):
                read = self._change(change, entry=entry, where=place)
                if read:
                    yield read

    def _change(
        self, change: JsonObject, *, entry: JsonObject, where: str
    ) -> Change | None:
        field = text_at(change, "field")
        if not field:
            self._problem(f"{where}.field", "The change does not say what it is about.")
            return None
        waba_id = _meta_id(entry.get("id"))
        if field not in _CONVERSATION_FIELDS:
            return Change(where=where, field=field, waba_id=waba_id, other_count=1)
        value = change.get("value")
        where = f"{where}.value"
        if not isinstance(value, dict):
            self._problem(where, "The change has no value.")
            return None
        metadata = object_at(value, "metadata")
        phone_number_id = _meta_id(metadata.get("phone_number_id"))
        if not phone_number_id:
            self._problem(
                f"{where}.metadata.phone_number_id",
                "The change does not say which of the business's numbers it came to.",
            )
            return None
        return self._conversation(
            value, where, field=field, waba_id=waba_id, phone_number_id=phone_number_id
        )

    def _conversation(
        self,
        value: JsonObject,
        where: str,
        *,
        field: str,
        waba_id: str,
        phone_number_id: str,
    ) -> Change:
        people = People(value)
        history = self._history(value, where) if "history" in value else ()
        return Change(
            where=where,
            field=field,
            waba_id=waba_id,
            phone_number_id=phone_number_id,
            messages=(
                *self._read(value, "messages", where, read_inbound, people),
                *self._read(value, "message_echoes", where, read_echo, people),
                *history,
            ),
            statuses=tuple(self._read(value, "statuses", where, read_status, people)),
            identity_changes=tuple(
                filter(None, map(changed_user_id, objects_at(value, "user_id_update")))
            ),
            address_book=tuple(
                self._read(value, "state_sync", where, read_address_book_entry)
            ),
            preferences=tuple(
                self._read(value, "user_preferences", where, read_preference)
            ),
            other_count=len(objects_at(value, "errors")),
            is_dashboard_test=waba_id == _DASHBOARD_TEST,
        )

    def _history(self, value: JsonObject, where: str) -> list[Message]:
        business_phone = phone_of(_digits(object_at(value, "metadata")))
        messages: list[Message] = []
        for place, chunk in self._objects(value, "history", where):
            for at, thread in self._objects(chunk, "threads", place):
                person = thread_person(thread)
                if person is None:
                    self._problem(at, "The thread does not say whom it is with.")
                    continue
                messages += self._read(
                    thread,
                    "messages",
                    at,
                    read_history_message,
                    person,
                    business_phone,
                )
        return messages

    def _read(
        self,
        parent: JsonObject,
        key: str,
        where: str,
        read: Callable[..., _Item | str],
        *context: object,
    ) -> list[_Item]:
        if parent.get(key) is None:
            return []  # the way of nearly every array
        read_items: list[_Item] = []
        for place, item in self._objects(parent, key, where):
            answer = read(item, *context)
            if isinstance(answer, str):
                self._problem(place, answer)
            else:
                read_items.append(answer)
        return read_items

    def _objects(
        self, parent: JsonObject, key: str, where: str, *, required: bool = False
    ) -> list[tuple[str, JsonObject]]:
        """Return each object of the list with its place; anything else is a problem."""
        items = parent.get(key)
        if items is None and not required:
            return []
        place = f"{where}.{key}" if where else key
        if not isinstance(items, list):
            self._problem(place, "A list was expected here.")
            return []
        objects = []
        for index, item in enumerate(items):
            if isinstance(item, dict):
                objects.append((f"{place}[{index}]", item))
            else:
                self._problem(f"{place}[{index}]", "An object was expected here.")
        return objects

    def _problem(self, where: str, reason: str) -> None:
        self.problems.append(Problem(where, reason))


def _meta_id(value: object) -> str:
    """Return an id of Meta's, of a number or of an account; "" when it is none."""
    if type(value) is int:
        value = str(value)
    if (
        isinstance(value, str)
        and value.isascii()
        and value.isdigit()
        and len(value) <= _MAX_META_ID_LENGTH
    ):
        return value
    return ""


def _digits(metadata: JsonObject) -> str:
    shown = text_at(metadata, "display_phone_number")
    return "".join(char for char in shown if char in "0123456789")
