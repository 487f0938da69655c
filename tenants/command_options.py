"""What operators' commands share: how a tenant is named."""

from django.core.management.base import CommandError

from tenants.models import Tenant

_NAMED_IN_ERROR = 20


def tenant_named(text: str) -> Tenant:
    """Return the tenant with that id or slug; else a `CommandError` lists who there is.

    A slug of digits only is found too, unless it is another's id.
    """
    tenant = None
    if text.isascii() and text.isdecimal():
        tenant = Tenant.objects.filter(pk=int(text)).first()
    tenant = tenant or Tenant.objects.filter(slug=text).first()
    if tenant is None:
        there = Tenant.objects.order_by("pk")[:_NAMED_IN_ERROR]
        raise CommandError(
            f"There is no tenant {text!r}. Name one by its id or slug: "
            + ", ".join(f"{one.pk} ({one.slug})" for one in there)
        )
    return tenant


def only_or_named(text: str | None) -> Tenant:
    """Return the tenant of that name, or the only one there is.

    For commands that must not guess: with several tenants, a `CommandError` asks which.
    """
    if text:
        return tenant_named(text)
    tenants = list(Tenant.objects.order_by("pk")[:2])
    if len(tenants) != 1:
        raise CommandError("Say whose, with --tenant: its id or its slug.")
    return tenants[0]
