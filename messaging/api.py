"""The conversation with a contact, for other programs."""

from django.db.models import F, QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import (
    OpenApiParameter,
    extend_schema,
    extend_schema_view,
)
from rest_framework.serializers import CharField, ModelSerializer

from contacts.models import Contact
from messaging.models import ChatMessage
from tenants.access import visible_to_client
from tenants.api_views import TenantList
from tenants.parameters import moment_parameter


class MessageSerializer(ModelSerializer[ChatMessage]):
    phone_number_id = CharField(
        read_only=True, help_text="Meta's id of the business number it came to."
    )

    class Meta:
        model = ChatMessage
        fields = [
            "id", "wamid", "phone_number_id", "direction", "kind", "text", "sent_at",
            "received_at", "reply_to", "status", "edited_at", "revoked_at",
            "updated_at",
        ]  # fmt: skip
        read_only_fields = fields


@extend_schema_view(
    get=extend_schema(
        operation_id="contacts_messages_list",
        summary="The conversation with a contact, the newest message first",
        description="What was said in a group is no part of it.",
        parameters=[
            OpenApiParameter(
                "updated_since",
                description="ISO 8601, with an offset or Z. Those that came or changed "
                "since: also by a status alone. What is being written at that moment "
                "shows a little later: ask from some minutes before you asked last.",
            )
        ],
    )
)
class MessageList(TenantList[ChatMessage]):
    serializer_class = MessageSerializer
    filters = ("updated_since",)
    order = ("-sent_at", "-id")

    def get_queryset(self) -> QuerySet[ChatMessage]:
        contacts = visible_to_client(Contact.objects.all(), client=self.client)
        contact = get_object_or_404(contacts, pk=self.kwargs["contact_id"])
        messages = ChatMessage.objects.filter(contact=contact, group_id="")
        if since := self.parameter("updated_since"):
            moment = moment_parameter("updated_since", since)
            messages = messages.filter(updated_at__gte=moment)
        return self.own(
            messages.annotate(phone_number_id=F("whatsapp_number__phone_number_id"))
        )
