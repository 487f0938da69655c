"""Who the product works for: tenants, their numbers, their staff, their programs."""

from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import Value
from django.db.models.functions import MD5, Cast, Concat, Left, Now

from tenants.encryption import EncryptedTextField


class Tenant(models.Model):
    """A business. Every row of every other table belongs to one.

    All columns but `name` have database defaults, so that an operator's
    `INSERT INTO tenants (id, name)` works.
    """

    name = models.CharField(max_length=200)
    slug = models.SlugField(
        unique=True,
        db_default=Concat(
            Value("tenant-"),
            Left(MD5(Cast(RandomUUID(), models.TextField())), 12),
        ),
        help_text="Names the tenant in commands and addresses.",
    )
    country = models.CharField(
        max_length=2,
        db_default="IN",
        help_text="ISO 3166 code; phone numbers without a country code are read so.",
    )
    timezone = models.CharField(max_length=64, db_default="Asia/Kolkata")
    flow_email_field = models.CharField(
        "e-mail field of Flows",
        max_length=100,
        blank=True,
        default="email",
        db_default="email",
        help_text="The name of the Flow's field in which customers state their own "
        "e-mail address; blank: none is taken.",
    )
    on_hold = models.BooleanField(
        "keeps everything",
        default=False,
        db_default=False,
        help_text="While a law or a court asks for it: nothing of this tenant is "
        "purged, and nobody's data is erased.",
    )
    keep_files_days = models.PositiveIntegerField(
        "keep customer files for",
        null=True,
        blank=True,
        help_text="Days after an upload ended; 0: for good; blank: as everywhere.",
    )
    keep_issues_days = models.PositiveIntegerField(
        "keep refused rows for",
        null=True,
        blank=True,
        help_text="Days after an upload ended; 0: for good; blank: as everywhere.",
    )
    keep_media_days = models.PositiveIntegerField(
        "keep media for",
        null=True,
        blank=True,
        help_text="Days after they came; 0: for good; blank: as everywhere.",
    )
    max_unfinished_uploads = models.PositiveIntegerField(
        "customer files at once",
        null=True,
        blank=True,
        help_text="How many may be unfinished; 0: any number; blank: as everywhere.",
    )
    max_kept_mb = models.PositiveIntegerField(
        "room for customer files",
        null=True,
        blank=True,
        help_text="MB that its kept files may take; 0: any; blank: as everywhere.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "tenants"
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(name=""), name="tenants_name_not_blank"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class WhatsAppNumber(models.Model):
    """A business number; `phone_number_id` routes what it receives to its tenant."""

    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="whatsapp_numbers")
    phone_number_id = models.CharField(
        max_length=32,
        unique=True,
        help_text="Meta's id of the number (digits), from the app's WhatsApp settings; "
        "not the number itself.",
    )
    display_phone_number = models.CharField(
        max_length=32, blank=True, db_default="", default=""
    )
    waba_id = models.CharField(
        "WhatsApp Business Account",
        max_length=32,
        blank=True,
        db_default="",
        default="",
    )
    app_secret = EncryptedTextField(
        blank=True,
        db_default="",
        default="",
        help_text="Only for a number that belongs to a Meta app of the tenant's own.",
    )
    access_token = EncryptedTextField(blank=True, db_default="", default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "whatsapp_numbers"
        ordering = ["display_phone_number", "phone_number_id"]
        verbose_name = "WhatsApp number"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(phone_number_id__regex=r"^[0-9]+$"),
                name="whatsapp_numbers_phone_number_id_digits",
                violation_error_message="The phone number id consists of digits only.",
            ),
        ]

    def __str__(self) -> str:
        return self.display_phone_number or self.phone_number_id

    @property
    def is_in_use(self) -> bool:
        """Whether rows of any table say that they came by this number."""
        references = [
            field.field
            for field in self._meta.get_fields(include_hidden=True)
            if isinstance(field, models.ManyToOneRel)
        ]
        return any(
            reference.model._base_manager.filter(**{reference.name: self}).exists()
            for reference in references
        )


class Membership(models.Model):
    """Lets one member of staff see one tenant."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships"
    )
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="memberships")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "memberships"
        ordering = ["tenant", "user"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "tenant"], name="memberships_user_id_tenant_id_key"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} at {self.tenant}"


class ApiClientQuerySet(models.QuerySet["ApiClient"]):
    def revoke(self, *, by: AbstractBaseUser, now: datetime) -> int:
        """Refuse these clients' tokens from now on; return how many were good."""
        good = self.filter(revoked_at__isnull=True)
        return good.update(revoked_at=now, revoked_by_id=by.pk)


class ApiClient(models.Model):
    """A program that may use the API for one tenant, by one token.

    The token itself is never stored: it names this row, and dies with it.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="api_clients")
    name = models.CharField(max_length=100, help_text="Which program it is.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        help_text="None: the command line.",
    )
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(help_text="As the token itself says.")
    read_only = models.BooleanField(
        "only reads",
        default=False,
        db_default=False,
        help_text="It changes nothing: no files, no acts.",
    )
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    objects = ApiClientQuerySet.as_manager()

    class Meta:
        db_table = "api_clients"
        ordering = ["-id"]
        verbose_name = "API client"
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(name=""), name="api_clients_name_not_blank"
            ),
        ]

    def __str__(self) -> str:
        return self.name
