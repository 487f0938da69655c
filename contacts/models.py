"""The people who write to a tenant, and what is known of who they are."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchVector
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now, Reverse

from tenants.models import Tenant


class Contact(models.Model):
    """One person of one tenant.

    `phone_number` is WhatsApp's `wa_id`: digits without a plus, NULL while WhatsApp
    withholds it. Everything but the tenant and the number has a database default, so
    that rows can be inserted by hand.
    """

    class NameSource(models.TextChoices):
        """Where `name` comes from; each outranks those after it."""

        STAFF = "staff", "staff"
        ADDRESS_BOOK = "address_book", "business address book"
        PROFILE = "profile", "WhatsApp profile"
        USERNAME = "username", "WhatsApp username"
        PHONE = "phone", "phone number"
        UNKNOWN = "", "unknown"

    class EmailSource(models.TextChoices):
        """Who gave `email`; what staff entered is never replaced by WhatsApp."""

        STAFF = "staff", "staff"
        FLOW = "flow", "their answer in a Flow"
        UNKNOWN = "", "unknown"

    class Marketing(models.TextChoices):
        """What the person told WhatsApp about this business's marketing messages."""

        STOP = "stop", "stopped"
        RESUME = "resume", "allowed again"
        UNSAID = "", "nothing said"

    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="contacts", db_index=False
    )
    phone_number = models.CharField(max_length=20, null=True, blank=True)  # noqa: DJ001 - NULL is "withheld", and many may be
    name = models.TextField(blank=True, default="", db_default="")
    name_source = models.CharField(
        max_length=16,
        choices=NameSource.choices,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )
    profile_name = models.TextField(
        blank=True, default="", db_default="", editable=False
    )
    profile_name_at = models.DateTimeField(null=True, editable=False)
    address_book_name = models.TextField(
        blank=True, default="", db_default="", editable=False
    )
    address_book_name_at = models.DateTimeField(null=True, editable=False)
    email = models.EmailField(blank=True, default="", db_default="")
    email_source = models.CharField(
        max_length=16,
        choices=EmailSource.choices,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )
    stated_email = models.EmailField(
        blank=True, default="", db_default="", editable=False
    )
    stated_email_at = models.DateTimeField(null=True, editable=False)
    marketing_preference = models.CharField(
        max_length=16,
        choices=Marketing.choices,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )
    marketing_preference_at = models.DateTimeField(null=True, editable=False)
    username = models.TextField(blank=True, default="", db_default="", editable=False)
    username_at = models.DateTimeField(null=True, editable=False)
    first_message_at = models.DateTimeField(null=True, editable=False)
    last_message_at = models.DateTimeField(null=True, editable=False)
    message_count = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "contacts"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "phone_number"],
                name="contacts_tenant_id_phone_number_key",
                violation_error_message="This tenant has a contact with this number.",
            ),
            models.CheckConstraint(
                condition=Q(phone_number__regex=r"^[0-9]+$"),
                name="contacts_phone_number_digits",
                violation_error_message="Digits only, with the country code, no plus.",
            ),
            models.CheckConstraint(
                condition=Q(marketing_preference__in=["", "stop", "resume"]),
                name="contacts_marketing_preference_known",
            ),
        ]
        indexes = [
            # The order of the list: of one tenant, and of all.
            models.Index(
                "tenant",
                F("last_message_at").desc(nulls_last=True),
                F("id").desc(),
                name="ix_contact_last_message",
            ),
            models.Index(
                F("last_message_at").desc(nulls_last=True),
                F("id").desc(),
                name="ix_contact_heard_last",
            ),
            models.Index(fields=["tenant", "-created_at"], name="ix_contact_created"),
            # The order in which programs follow what changes.
            models.Index(
                fields=["tenant", "updated_at", "id"], name="ix_contact_updated"
            ),
            # Few, and looked for before every campaign.
            models.Index(
                "tenant",
                F("last_message_at").desc(nulls_last=True),
                F("id").desc(),
                condition=Q(marketing_preference="stop"),
                name="ix_contact_marketing_stopped",
            ),
            # What staff search by, in `contacts.search`: the beginnings of words, and
            # the last digits of a number.
            GinIndex(
                SearchVector("name", "username", config="simple"),
                name="ix_contact_words",
            ),
            models.Index(
                OpClass(Reverse("phone_number"), name="text_pattern_ops"),
                name="ix_contact_last_digits",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.phone_number or f"contact {self.pk}"


class ContactIdentity(models.Model):
    """A number or a WhatsApp user id that ever meant this contact.

    Phone values are canonical (`contacts.phones.canonical`). A user id is scoped to a
    business portfolio, so `waba_ids` keeps where it was seen; `seen_at` is the newest
    message that carried it, which decides who holds a recycled number.
    """

    class Kind(models.TextChoices):
        PHONE = "phone", "phone number"
        WHATSAPP_USER_ID = "whatsapp_user_id", "WhatsApp user id"

    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    value = models.CharField(max_length=160)
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="identities")
    waba_ids = ArrayField(models.TextField(), default=list, db_default=[])
    seen_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "contact_identities"
        verbose_name_plural = "contact identities"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "kind", "value"],
                name="contact_identities_tenant_id_kind_value_key",
            ),
            models.CheckConstraint(
                condition=~Q(value=""), name="contact_identities_value_not_blank"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of contact {self.contact_id}"


class ContactMerge(models.Model):
    """Two contacts that turned out to be one person, with all that an undo needs."""

    class Reason(models.TextChoices):
        IDENTITIES_MET = "identities_met", "number and user id arrived together"
        DUPLICATE = "duplicate", "found as a duplicate"
        BY_HAND = "by_hand", "merged by staff"

    # The survivor's, and a trigger refuses to delete who survived a merge.
    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="+", db_constraint=False
    )
    survivor = models.ForeignKey(
        Contact, models.CASCADE, related_name="absorbed_merges", db_constraint=False
    )
    merged_contact_id = models.BigIntegerField(
        help_text="The id of the contact that is gone."
    )
    merged_contact = models.JSONField(
        encoder=DjangoJSONEncoder, help_text="Its columns, as they were."
    )
    survivor_before = models.JSONField(
        encoder=DjangoJSONEncoder, help_text="The survivor's columns before."
    )
    survivor_after = models.JSONField(
        encoder=DjangoJSONEncoder,
        default=dict,
        db_default={},
        help_text="What the merge changed of them: what differs since came later.",
    )
    moved = models.JSONField(
        help_text="Ids of the rows that moved to the survivor, by table."
    )
    given_identity_id = models.BigIntegerField(
        null=True,
        help_text="The identity that the merge made for the merged contact's number.",
    )
    reason = models.CharField(max_length=16, choices=Reason.choices)
    merged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Empty when the product joined them by itself.",
    )
    merged_at = models.DateTimeField(db_default=Now())
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        db_table = "contact_merges"
        constraints = [
            models.CheckConstraint(
                condition=Q(reason__in=["identities_met", "duplicate", "by_hand"]),
                name="contact_merges_reason_known",
            ),
        ]

    def __str__(self) -> str:
        return f"contact {self.merged_contact_id} into {self.survivor_id}"


class DeletedContact(models.Model):
    """That a contact is gone: what programs that keep a copy of contacts must hear.

    A trigger writes it, whatever deletes the contact. Into whom it was merged says
    `contact_merges`; without such a record it was erased. It holds nothing personal.
    """

    contact_id = models.BigIntegerField(primary_key=True)
    tenant = models.ForeignKey(
        Tenant, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "deleted_contacts"
        indexes = [
            models.Index(
                fields=["tenant", "updated_at", "contact_id"],
                name="ix_deleted_contact_updated",
            ),
        ]

    def __str__(self) -> str:
        return f"contact {self.contact_id}, gone"
