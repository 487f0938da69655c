"""Staff and their roles, in the admin's own look; the rest registers in its app."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from config.logins import admin as logins_admin  # noqa: F401 # registers its pages
from tenants.change_history import Mask, mask_email, mask_name
from tenants.models import Membership
from tenants.scoped_admin import BoundedAdmin, SuperuserOnly

admin.site.unregister(User)
admin.site.unregister(Group)


class MembershipInline(SuperuserOnly, TabularInline):
    model = Membership
    extra = 0
    fields = ["tenant"]
    verbose_name = "tenant"
    verbose_name_plural = "works for"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # given or taken, so that no page left open turns one into another


@admin.register(User)
class UserAdmin(SuperuserOnly, DjangoUserAdmin, BoundedAdmin):  # type: ignore[type-arg] # not generic at run time
    """Superusers only: accounts belong to no tenant, and a right to change one is a
    right to become it."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "full_name", "works_for", "role", "last_login"]
    list_filter = ["is_active", "is_superuser", "groups"]
    readonly_fields = ["last_login", "date_joined"]
    inlines = [MembershipInline]
    history_masks: ClassVar[dict[str, Mask]] = {
        "first_name": mask_name,
        "last_name": mask_name,
        "email": mask_email,
    }
    filter_horizontal = []  # there are a handful of roles
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": ["first_name", "last_name", "email"]}),
        (
            "Access",
            {
                "fields": ["is_active", "is_staff", "is_superuser", "groups"],
                "description": "A member of staff needs “staff status”, the role Staff "
                "and a tenant to work for. Superusers see every tenant.",
            },
        ),
        ("Seen", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"classes": ["wide"], "fields": ["username", "password1", "password2"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        rows: QuerySet[User] = super().get_queryset(request)
        return rows.prefetch_related("memberships__tenant", "groups")

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return list(self.inlines) if obj else []

    def formfield_for_manytomany(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "groups":
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
            kwargs["label"] = "Roles"
            kwargs["help_text"] = "What this person may do, for the tenants below."
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @display(description="name")
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    @display(description="works for")
    def works_for(self, user: Any) -> str:
        if user.is_superuser:
            return "every tenant"
        return ", ".join(sorted(str(m.tenant) for m in user.memberships.all()))

    @display(description="role", label={"superuser": "danger", "no access": "warning"})
    def role(self, user: User) -> str:
        if not (user.is_active and user.is_staff):
            return "no access"
        if user.is_superuser:
            return "superuser"
        return ", ".join(group.name for group in user.groups.all()) or "no role"


@admin.register(Group)
class GroupAdmin(SuperuserOnly, DjangoGroupAdmin, BoundedAdmin):
    list_display = ["name", "people"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        rows: QuerySet[Group] = super().get_queryset(request)
        return rows.annotate(user_count=Count("user"))

    @display(description="people", ordering="user_count")
    def people(self, group: Any) -> int:
        return int(group.user_count)
