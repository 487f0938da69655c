"""What WhatsApp sent: the signed events as they came, and what was read from them."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex, GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from contacts.models import Contact
from messaging.media.models import MessageMedia as MessageMedia  # files of messages
from tenants.models import Tenant, WhatsAppNumber


class WebhookEvent(models.Model):
    """One POST of Meta's, byte for byte as it was signed.

    It belongs to no tenant: one POST may carry updates for several. This table is the
    queue; the broker only rings a bell.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "pending"
        PROCESSED = "processed", "processed"
        UNROUTABLE = "unroutable", "unknown number"
        PARKED = "parked", "parked"

    received_at = models.DateTimeField(db_default=Now())
    body = models.BinaryField()
    signed_by = models.CharField(
        max_length=64,
        help_text="Whose secret signed it: `app`, or the phone_number_id of a number "
        "with a secret of its own.",
    )
    status = models.CharField(
        max_length=16,
        choices=Status.choices,
        default=Status.PENDING,
        db_default=Status.PENDING,
    )
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    error = models.TextField(blank=True, default="", db_default="")
    unrouted_numbers = ArrayField(
        models.TextField(),
        default=list,
        db_default=[],
        help_text="The phone_number_ids nobody had registered when it was processed.",
    )
    awaits = ArrayField(
        models.TextField(),
        default=list,
        db_default=[],
        help_text="Identities it tells something about, whom nobody had yet.",
    )
    process_after = models.DateTimeField(db_default=Now())
    processed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "webhook_events"
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    status__in=["pending", "processed", "unroutable", "parked"]
                ),
                name="webhook_events_status_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(status="pending"), name="ix_event_pending"
            ),
            models.Index(
                fields=["status", "-id"],
                condition=Q(status__in=["unroutable", "parked"]),
                name="ix_event_in_trouble",
            ),
            # Events come in this order, so a block range index is enough; a tree would
            # be written again when the event is marked.
            BrinIndex(
                fields=["received_at"],
                name="ix_event_received_span",
                autosummarize=True,
                pages_per_range=32,
            ),
            # Asked by each batch; nearly no event waits for anybody.
            GinIndex(
                fields=["awaits"], condition=~Q(awaits=[]), name="ix_event_awaits"
            ),
        ]

    def __str__(self) -> str:
        return f"event {self.pk}"


class ChatMessage(models.Model):
    """One message, in either direction; a redelivery makes no second row."""

    class Direction(models.TextChoices):
        INBOUND = "inbound", "received"
        OUTBOUND = "outbound", "sent"

    class Status(models.TextChoices):
        """How far an outbound message got; later ones outrank earlier ones."""

        NONE = "", "-"
        SENT = "sent", "sent"
        FAILED = "failed", "failed"  # below every proof that it did arrive
        DELIVERED = "delivered", "delivered"
        READ = "read", "read"
        PLAYED = "played", "played"

    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    whatsapp_number = models.ForeignKey(
        WhatsAppNumber,
        models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    contact = models.ForeignKey(
        Contact,
        models.PROTECT,
        null=True,
        related_name="messages",
        db_index=False,
        db_constraint=False,  # a trigger refuses to delete who has messages
        help_text="Empty for a system note about somebody unknown.",
    )
    event = models.ForeignKey(
        WebhookEvent,
        models.SET_NULL,
        null=True,
        related_name="messages",
        db_constraint=False,
    )
    wamid = models.TextField("WhatsApp message id")
    direction = models.CharField(max_length=8, choices=Direction.choices)
    kind = models.CharField(
        max_length=32, help_text="WhatsApp's message type: text, image, order, …"
    )
    text = models.TextField(blank=True, default="", db_default="")
    payload = models.JSONField(default=dict, db_default={})
    sent_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now())
    reply_to = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="The wamid it answers, reacts to, edits or revokes.",
    )
    group_id = models.TextField(blank=True, default="", db_default="")
    status = models.CharField(
        max_length=16,
        choices=Status.choices,
        blank=True,
        default="",
        db_default="",
    )
    edited_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    # Of no index: a status, which comes for each message sent, need not touch one.
    updated_at = models.DateTimeField(
        db_default=Now(),
        help_text="When its row last changed, by the database's clock.",
    )

    class Meta:
        db_table = "chat_messages"
        constraints = [
            # WhatsApp redelivers; the constraint makes a repeat a no-op.
            models.UniqueConstraint(
                fields=["whatsapp_number", "wamid"],
                name="chat_messages_whatsapp_number_id_wamid_key",
            ),
            models.CheckConstraint(
                condition=~Q(wamid=""), name="chat_messages_wamid_not_blank"
            ),
            models.CheckConstraint(
                condition=Q(direction__in=["inbound", "outbound"]),
                name="chat_messages_direction_known",
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=["", "sent", "delivered", "read", "played", "failed"]
                ),
                name="chat_messages_status_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["contact", "-sent_at", "-id"], name="ix_message_conversation"
            ),
            models.Index(fields=["tenant", "-sent_at"], name="ix_message_tenant_sent"),
            # Each new message asks whether it was edited or revoked already.
            models.Index(
                fields=["whatsapp_number", "reply_to"],
                condition=Q(kind__in=["edit", "revoke"]),
                name="ix_message_amendment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} message {self.pk}"


class MessageStatus(models.Model):
    """One delivery report, kept whether or not its message is known. Append-only."""

    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    whatsapp_number = models.ForeignKey(
        WhatsAppNumber,
        models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    event = models.ForeignKey(
        WebhookEvent,
        models.SET_NULL,
        null=True,
        related_name="statuses",
        db_constraint=False,
    )
    wamid = models.TextField("WhatsApp message id")
    status = models.CharField(max_length=32)
    participant = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="In a group, whose status it is.",
    )
    occurred_at = models.DateTimeField()
    error_code = models.IntegerField(null=True)
    payload = models.JSONField(default=dict, db_default={})
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "message_statuses"
        verbose_name_plural = "message statuses"
        constraints = [
            models.UniqueConstraint(
                fields=["whatsapp_number", "wamid", "status", "participant"],
                name="message_statuses_number_wamid_status_participant_key",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="ix_status_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.status} at {self.occurred_at:%Y-%m-%d %H:%M}"
