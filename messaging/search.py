"""Finding messages by what staff have in hand."""

from django.db.models import QuerySet

from contacts.models import Contact
from contacts.search import matching as matching_contacts
from messaging.models import ChatMessage
from tenants.access import Visitor, visible
from tenants.models import WhatsAppNumber
from tenants.search_terms import search_term_of

# Words are looked for in as many messages as can be read in a moment; older ones are
# found through their person, whose messages have an index.
RECENT = 10_000


def matching(
    messages: QuerySet[ChatMessage], text: str, *, user: Visitor
) -> QuerySet[ChatMessage]:
    """Return those of `messages` that `text` means.

    A wamid means its message; anything else the messages of the people whom it means,
    and recent messages that say it.
    """
    text = search_term_of(text)
    if not text:
        return messages
    if text.startswith("wamid."):
        # The number leads the unique index.
        numbers = visible(WhatsAppNumber.objects.all(), user=user)
        return messages.filter(whatsapp_number__in=numbers.values("pk"), wamid=text)
    people = matching_contacts(
        visible(Contact.objects.all(), user=user), text, user=user
    )
    recent = messages.order_by("-pk").values("pk")[:RECENT]
    saying = ChatMessage.objects.filter(pk__in=recent, text__icontains=text)
    of_people = messages.order_by().filter(contact__in=people.values("pk"))
    return messages.filter(
        pk__in=of_people.values("pk").union(saying.order_by().values("pk"))
    )
