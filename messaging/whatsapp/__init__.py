"""WhatsApp's webhook format, and nothing else: bytes in, frozen dataclasses out.

Nothing here knows models, settings or the clock. `parse` never raises.
"""

from messaging.whatsapp.coexistence import AddressBookEntry, Preference
from messaging.whatsapp.envelope import Change, Payload, Problem, parse
from messaging.whatsapp.flows import answer_to
from messaging.whatsapp.media import Media
from messaging.whatsapp.messages import Message
from messaging.whatsapp.people import IdentityChange, Person
from messaging.whatsapp.statuses import Status

__all__ = [
    "AddressBookEntry",
    "Change",
    "IdentityChange",
    "Media",
    "Message",
    "Payload",
    "Person",
    "Preference",
    "Problem",
    "Status",
    "answer_to",
    "parse",
]
