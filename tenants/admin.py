"""Tenants, their WhatsApp numbers, who works for them, and with which programs."""

from typing import Any, ClassVar
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.validators import MaxValueValidator
from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.functions import MD5, Cast
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from phonenumbers import SUPPORTED_REGIONS
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminPasswordToggleWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanWidget,
)

from tenants.models import (
    ApiClient,
    ApiClientQuerySet,
    Membership,
    Tenant,
    WhatsAppNumber,
)
from tenants.scoped_admin import (
    SuperuserOnly,
    TenantScopedAdmin,
    ViewOnlyAdmin,
    is_superuser,
)

_MOST_DAYS = 36_500  # a hundred years
SECRETS = ("app_secret", "access_token")


class MembershipInline(SuperuserOnly, TabularInline):
    """Who sees this tenant. Superusers only: the choice lists every account."""

    model = Membership
    extra = 0
    fields = ["user"]
    verbose_name = "member of staff"
    verbose_name_plural = "staff of this tenant"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # given or taken, so that no page left open turns one into another


class NumberInline(TabularInline):
    model = WhatsAppNumber
    extra = 0
    fields = ["display_phone_number", "phone_number_id"]
    readonly_fields = fields
    can_delete = False
    show_change_link = True
    verbose_name_plural = "WhatsApp numbers"

    def get_queryset(self, request: HttpRequest) -> QuerySet[WhatsAppNumber]:
        return super().get_queryset(request).defer(*SECRETS)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # on a page of its own


class TenantForm(forms.ModelForm):  # type: ignore[type-arg] # not generic at run time
    timezone = forms.ChoiceField(
        choices=lambda: [(zone, zone) for zone in sorted(available_timezones())],
        initial="Asia/Kolkata",
        widget=UnfoldAdminSelectWidget,
        help_text="Its days begin and end here.",
    )

    class Meta:
        model = Tenant
        fields = [
            "name",
            "slug",
            "country",
            "timezone",
            "flow_email_field",
            "keep_files_days",
            "keep_issues_days",
            "keep_media_days",
            "max_unfinished_uploads",
            "max_kept_mb",
            "on_hold",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # More days than the calendar has would stop every purge.
        for name in ("keep_files_days", "keep_issues_days", "keep_media_days"):
            if name in self.fields:  # not on a page that is only looked at
                self.fields[name].validators.append(MaxValueValidator(_MOST_DAYS))

    def clean_country(self) -> str:
        country = str(self.cleaned_data["country"]).upper()
        if country not in SUPPORTED_REGIONS:
            raise forms.ValidationError("Not an ISO 3166 country code, such as IN.")
        return country


@admin.register(Tenant)
class TenantAdmin(TenantScopedAdmin):
    tenant_path = "pk"
    form = TenantForm
    list_display = ["name", "slug", "country", "numbers", "staff", "created_at"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [NumberInline, MembershipInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        rows: QuerySet[Tenant] = super().get_queryset(request)
        return rows.annotate(
            number_count=Count("whatsapp_numbers", distinct=True),
            staff_count=Count("memberships", distinct=True),
        )

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return []

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        # The form would show the database defaults as expressions.
        return {"slug": "", "country": "IN", "timezone": "Asia/Kolkata"}

    @display(description="numbers", ordering="number_count")
    def numbers(self, tenant: Any) -> int:
        return int(tenant.number_count)

    @display(description="staff", ordering="staff_count")
    def staff(self, tenant: Any) -> int:
        return int(tenant.staff_count)


class SecretField(forms.CharField):
    """A secret that is typed in and never shown again."""

    def __init__(self, *, label: str, why: str) -> None:
        super().__init__(
            label=label,
            required=False,
            widget=UnfoldAdminPasswordToggleWidget(
                attrs={"autocomplete": "new-password"}
            ),
            help_text=f"{why} Leave blank to keep what is stored.",
        )


_FIXED_IN_USE = ("tenant", "phone_number_id")


class NumberForm(forms.ModelForm):  # type: ignore[type-arg] # not generic at run time
    """Never reads the stored secrets, so it opens also when their key is missing."""

    new_app_secret = SecretField(
        label="App secret",
        why="Only for a number that belongs to a Meta app of the tenant's own.",
    )
    forget_app_secret = forms.BooleanField(
        label="Forget the stored app secret",
        required=False,
        widget=UnfoldBooleanWidget,
    )
    new_access_token = SecretField(
        label="Access token", why="With it, media that people send are fetched."
    )
    forget_access_token = forms.BooleanField(
        label="Forget the stored access token",
        required=False,
        widget=UnfoldBooleanWidget,
    )

    class Meta:
        model = WhatsAppNumber
        fields = ["tenant", "phone_number_id", "display_phone_number", "waba_id"]

    def save(self, commit: bool = True) -> WhatsAppNumber:
        for name in SECRETS:
            typed = self.cleaned_data[f"new_{name}"]
            if typed or self.cleaned_data[f"forget_{name}"]:
                setattr(self.instance, name, typed)
        number: WhatsAppNumber = super().save(commit)
        return number


@admin.register(WhatsAppNumber)
class WhatsAppNumberAdmin(TenantScopedAdmin):
    form = NumberForm
    list_display = [
        "__str__",
        "tenant",
        "phone_number_id",
        "waba_id",
        "own_secret",
        "token",
    ]
    list_select_related = ["tenant"]
    search_fields = ["display_phone_number", "phone_number_id"]
    change_form_outer_before_template = "tenants/connect.html"
    stored_in: ClassVar[dict[str, str]] = {
        f"{act}_{name}": name for act in ("new", "forget") for name in SECRETS
    }
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "tenant",
                    "phone_number_id",
                    "display_phone_number",
                    "waba_id",
                ]
            },
        ),
        (
            "Secrets",
            {
                "fields": [
                    "new_app_secret",
                    "forget_app_secret",
                    "new_access_token",
                    "forget_access_token",
                ],
                "description": "Stored encrypted and never shown again.",
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WhatsAppNumber]:
        rows: QuerySet[WhatsAppNumber] = super().get_queryset(request)
        return rows.defer(*SECRETS).annotate(
            has_app_secret=~Q(app_secret=""),
            has_access_token=~Q(access_token=""),
            # Of the ciphertext, which differs each time that a secret is stored.
            app_secret_digest=MD5(Cast("app_secret", TextField())),
            access_token_digest=MD5(Cast("access_token", TextField())),
        )

    def get_readonly_fields(
        self, request: HttpRequest, obj: WhatsAppNumber | None = None
    ) -> list[str]:
        """Whose a number is stays as it is once messages came by it.

        Else a replay would bring one tenant's people to another.
        """
        fields = [*super().get_readonly_fields(request, obj)]
        return [*fields, *_FIXED_IN_USE] if obj and obj.is_in_use else fields

    def unshown_values(self, row: Any) -> dict[str, str]:
        return {name: getattr(row, f"{name}_digest") for name in SECRETS}

    @display(description="own app secret", boolean=True)
    def own_secret(self, number: Any) -> bool:
        return bool(number.has_app_secret)

    @display(description="access token", boolean=True)
    def token(self, number: Any) -> bool:
        return bool(number.has_access_token)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context |= {
            # The address is part of the contract with Meta; the view is messaging's.
            "callback_url": request.build_absolute_uri("/webhooks/whatsapp/"),
            "verify_token": settings.WHATSAPP_VERIFY_TOKEN
            if is_superuser(request)
            else "",
        }
        return super().render_change_form(request, context, *args, **kwargs)


@admin.register(ApiClient)
class ApiClientAdmin(ViewOnlyAdmin):
    """Who has a token. `issue_api_token` gives them out, here they are revoked."""

    list_display = [
        "name",
        "tenant",
        "good",
        "read_only",
        "created_at",
        "expires_at",
        "revoked_at",
        "revoked_by",
    ]
    list_select_related = ["tenant", "revoked_by"]
    list_filter = ["read_only"]
    search_fields = ["name"]
    actions = ["revoke"]

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tenants.change_apiclient")

    @display(description="good", boolean=True)
    def good(self, client: ApiClient) -> bool:
        return client.revoked_at is None and client.expires_at > timezone.now()

    @admin.action(
        description="Revoke: refuse their tokens for good", permissions=["revoke"]
    )
    def revoke(self, request: HttpRequest, clients: ApiClientQuerySet) -> None:
        count = clients.revoke(
            by=request.user,  # type: ignore[arg-type]  # no anonymous staff
            now=timezone.now(),
        )
        messages.success(request, f"Revoked: {count}. Their next request is refused.")
