"""A file that a message brings, and how far fetching it has come."""

import mimetypes

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from tenants.models import Tenant, WhatsAppNumber


class MessageMedia(models.Model):
    """The one file of a message. This table is the queue of what is to be fetched.

    What the webhook said of it stands in `media_id`, `mime_type`, `sha256` and
    `file_name`; what is really in it, in `content_type` and `size_bytes`.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "to be fetched"
        WAITING = "waiting", "waits for an access token"
        STORED = "stored", "kept"
        FAILED = "failed", "cannot be kept"
        EXPIRED = "expired", "no longer at WhatsApp"

    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+", db_index=False)
    whatsapp_number = models.ForeignKey(
        WhatsAppNumber, models.PROTECT, related_name="+", db_index=False
    )
    # Deleted before its message and with its file: `messaging.media.keeping.discard`.
    message = models.OneToOneField(
        "messaging.ChatMessage", models.PROTECT, related_name="media"
    )
    media_id = models.TextField("WhatsApp media id")
    mime_type = models.TextField("stated type", blank=True, default="", db_default="")
    sha256 = models.CharField(max_length=64, blank=True, default="", db_default="")
    file_name = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="As the sender called it.",
    )
    status = models.CharField(
        max_length=16,
        choices=Status.choices,
        default=Status.PENDING,
        db_default=Status.PENDING,
    )
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    error = models.TextField(blank=True, default="", db_default="")
    # While somebody fetches it: who, and until when nobody else may.
    fetcher = models.UUIDField(null=True, editable=False)
    fetch_after = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(help_text="WhatsApp keeps it for seven days.")
    # Named before its first byte is written: whoever deletes the row finds all of it.
    file = models.FileField(
        max_length=200, blank=True, default="", db_default="", editable=False
    )
    content_type = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="Told from its first bytes; empty when no browser may open it.",
    )
    size_bytes = models.PositiveBigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    stored_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "message_media"
        verbose_name = verbose_name_plural = "media"
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    status__in=["pending", "waiting", "stored", "failed", "expired"]
                ),
                name="message_media_status_known",
            ),
            models.CheckConstraint(
                condition=~Q(media_id=""), name="message_media_media_id_not_blank"
            ),
            models.CheckConstraint(
                condition=Q(sha256="") | Q(sha256__regex=r"^[0-9a-f]{64}$"),
                name="message_media_sha256_hex",
            ),
            models.CheckConstraint(
                condition=Q(
                    ~Q(file="") & ~Q(sha256=""),
                    status="stored",
                    stored_at__isnull=False,
                    size_bytes__isnull=False,
                )
                | (~Q(status="stored") & Q(stored_at__isnull=True)),
                name="message_media_stored_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "stored"]) | ~Q(error=""),
                name="message_media_trouble_has_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(fetcher__isnull=True) | Q(status="pending"),
                name="message_media_fetched_while_pending",
            ),
        ]
        indexes = [
            models.Index(
                fields=["fetch_after", "id"],
                condition=Q(status="pending"),
                name="ix_media_pending",
            ),
            models.Index(
                fields=["fetcher"],
                condition=Q(fetcher__isnull=False),
                name="ix_media_fetcher",
            ),
            models.Index(
                fields=["whatsapp_number"],
                condition=Q(status="waiting"),
                name="ix_media_waiting",
            ),
            models.Index(fields=["tenant", "-id"], name="ix_media_tenant"),
        ]

    def __str__(self) -> str:
        return self.file_name or f"media {self.pk}"

    @property
    def is_stored(self) -> bool:
        return self.status == self.Status.STORED

    @property
    def download_name(self) -> str:
        """Return the sender's file name without folders, or one of our own."""
        name = self.file_name.replace("\\", "/").rpartition("/")[2]
        name = "".join(char for char in name if char.isprintable()).strip(". ")
        ending = mimetypes.guess_extension(self.content_type) or ""
        return name or f"whatsapp-{self.pk}{ending}"

    @property
    def element(self) -> str:
        """Return the HTML element that shows it: img, audio, video, or "" for none."""
        return {"image": "img", "audio": "audio", "video": "video"}.get(
            self.content_type.partition("/")[0], ""
        )
