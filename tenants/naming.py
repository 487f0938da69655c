"""Which tenant the operator of a command means."""

from tenants.models import Tenant


def find_tenant(id_or_slug: str) -> Tenant | None:
    """Return the tenant of that id or slug."""
    key = "pk" if id_or_slug.isdecimal() else "slug"
    return Tenant.objects.filter(**{key: id_or_slug}).first()
