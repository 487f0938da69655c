"""The demo's conversations as Meta would post them: the bodies of webhook events."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from config.demo import scripts
from config.demo.contents import content_of
from config.demo.files import GONE, next_due_date
from config.demo.people import Person, borrowers, everybody

PHONE_NUMBER_ID = "109000000000001"
DISPLAY_PHONE_NUMBER = "912200001000"
WABA_ID = "108000000000001"

# Between one line and the next, in minutes; then again from the first.
_PAUSES = (2, 9, 4, 26, 3, 14)
# A conversation began so many days ago, at that minute of the day.
_DAYS = (0, 0, 1, 1, 2, 3, 4, 4, 5, 6, 8, 9, 11, 13)
_OPENING_MINUTE = 9 * 60 + 40


def bodies(*, now: datetime) -> Iterator[bytes]:
    """Yield the bodies, the oldest conversation first; every time is before `now`."""
    conversations = [
        _Conversation(person=person, lines=lines, began_at=began_at)
        for person, lines, began_at in _calendar(now)
    ]
    for conversation in sorted(conversations, key=lambda one: one.began_at):
        for value, change in conversation.changes(now):
            yield _body(value, change)


def _calendar(
    now: datetime,
) -> Iterator[tuple[Person, Sequence[scripts.Line], datetime]]:
    """Yield who talks about what since when, spread over the last two weeks."""
    midnight = timezone.localtime(now).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    with_loan = len(borrowers())
    for turn, person in enumerate(everybody()):
        lead = turn - with_loan
        lines = (
            scripts.LEADS[lead]
            if lead >= 0
            else scripts.BORROWERS[turn % len(scripts.BORROWERS)]
        )
        if lines is scripts.VOICE and not person.days_past_due:
            lines = scripts.PAID  # nobody is told to be late who is not
        if person.place in GONE:
            lines = scripts.STATEMENT  # nor asked for a loan that is closed
        days = _DAYS[turn % len(_DAYS)]
        minute = _OPENING_MINUTE + (turn * 37) % 420
        began_at = midnight - timedelta(days=days) + timedelta(minutes=minute)
        if days == 0 or began_at > now - timedelta(hours=2):
            began_at = now - timedelta(minutes=70 + (turn * 53) % 240)
        yield person, lines, began_at


class _Conversation:
    """Turns the lines between one person and the desk into changes of a webhook."""

    def __init__(
        self, *, person: Person, lines: Sequence[scripts.Line], began_at: datetime
    ) -> None:
        self.person = person
        self.lines = lines
        self.began_at = began_at

    def changes(self, now: datetime) -> Iterator[tuple[dict[str, Any], str]]:
        at, answered = self.began_at, ""
        for number, (who, kind, *content) in enumerate(self.lines):
            wamid = _wamid(self.person, number)
            content = [self._filled(text, at) for text in content]
            if who == "in":
                message = self._message(kind, content, wamid, at, answered)
                yield {"contacts": [self._contact()], "messages": [message]}, "messages"
            else:
                answered = wamid
                yield self._echo(kind, content, wamid, at), "smb_message_echoes"
                yield {"statuses": list(self._statuses(wamid, at, now))}, "messages"
            at = min(
                at + timedelta(minutes=_PAUSES[number % len(_PAUSES)], seconds=17),
                now - timedelta(seconds=1),
            )

    def _filled(self, text: str, at: datetime) -> str:
        person = self.person
        day = timezone.localtime(at).date()
        due = next_due_date(self.person, day).strftime("%d %b")
        return text.format(
            name=(person.name or person.profile_name).split(" ")[0],
            emi=f"{person.emi:,}",
            loan=person.loan_number,
            due=due,
        )

    def _contact(self) -> dict[str, Any]:
        profile = {"name": self.person.profile_name}
        if self.person.username:
            profile["username"] = self.person.username
        contact = {"profile": profile, "user_id": self.person.user_id}
        if self.person.phone:
            contact["wa_id"] = self.person.phone
        return contact

    def _message(
        self, kind: str, content: list[str], wamid: str, at: datetime, answered: str
    ) -> dict[str, Any]:
        message: dict[str, Any] = {
            "from_user_id": self.person.user_id,
            "id": wamid,
            "timestamp": _stamp(at),
            **content_of(kind, content, wamid),
        }
        if self.person.phone:
            message["from"] = self.person.phone
        if kind == "reaction":
            message["reaction"]["message_id"] = answered
        if kind in ("button", "list"):
            message["context"] = {"from": DISPLAY_PHONE_NUMBER, "id": answered}
        return message

    def _echo(
        self, kind: str, content: list[str], wamid: str, at: datetime
    ) -> dict[str, Any]:
        """Return a message that the desk sent from its own phone, as Meta echoes it."""
        echo: dict[str, Any] = {
            "from": DISPLAY_PHONE_NUMBER,
            "to_user_id": self.person.user_id,
            "id": wamid,
            "timestamp": _stamp(at),
            **content_of(kind, content, wamid),
        }
        if self.person.phone:
            echo["to"] = self.person.phone
        return {"contacts": [self._contact()], "message_echoes": [echo]}

    def _statuses(
        self, wamid: str, at: datetime, now: datetime
    ) -> Iterator[dict[str, Any]]:
        """Yield how far it got: mostly read, some only delivered, a few failed."""
        ways = ("sent", "delivered", "read")
        reached = 1 + (self.person.place * 5 + len(wamid)) % 7
        if self.person.place % 17 == 5:
            ways, reached = ("sent", "failed", ""), 2
        for step, status in enumerate(ways[: min(reached, 3)]):
            report: dict[str, Any] = {
                "id": wamid,
                "status": status,
                "timestamp": _stamp(min(at + timedelta(seconds=2 + step * 40), now)),
                "recipient_user_id": self.person.user_id,
            }
            if self.person.phone:
                report["recipient_id"] = self.person.phone
            if status == "failed":
                report["errors"] = [
                    {
                        "code": 131026,
                        "title": "Message undeliverable",
                        "message": "Message undeliverable",
                    }
                ]
            yield report


def _wamid(person: Person, number: int) -> str:
    return f"wamid.DEMO{person.place:04d}{number:04d}"


def _stamp(at: datetime) -> str:
    return str(int(at.timestamp()))


def _body(value: dict[str, Any], field: str) -> bytes:
    value = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": DISPLAY_PHONE_NUMBER,
            "phone_number_id": PHONE_NUMBER_ID,
        },
        **value,
    }
    entry = {"id": WABA_ID, "changes": [{"value": value, "field": field}]}
    payload = {"object": "whatsapp_business_account", "entry": [entry]}
    return json.dumps(payload, ensure_ascii=False).encode()
