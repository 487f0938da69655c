"""The lists of the admin that tests look at."""

from django.test import Client
from django.urls import reverse

MESSAGES = reverse("admin:messaging_chatmessage_changelist")
EVENTS = reverse("admin:messaging_webhookevent_changelist")
# What must come out as text wherever it is shown.
MARKUP = "<script>alert(1)</script>"


def shown(client: Client, address: str) -> set[int]:
    """Return the ids of the rows that a list shows."""
    return {row.pk for row in client.get(address).context["cl"].result_list}
