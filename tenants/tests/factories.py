from datetime import timedelta

import factory
from django.contrib.auth.models import Group, User
from django.utils import timezone

from config.staff_role import NAME as STAFF_ROLE
from tenants.models import ApiClient, Membership, Tenant, WhatsAppNumber


class TenantFactory(factory.django.DjangoModelFactory[Tenant]):
    class Meta:
        model = Tenant

    name = factory.Sequence(lambda n: f"Lender {n}")
    slug = factory.Sequence(lambda n: f"lender-{n}")


class WhatsAppNumberFactory(factory.django.DjangoModelFactory[WhatsAppNumber]):
    class Meta:
        model = WhatsAppNumber

    tenant = factory.SubFactory(TenantFactory)
    phone_number_id = factory.Sequence(lambda n: f"1146205382{n:05d}")
    display_phone_number = factory.Sequence(lambda n: f"91981234{n:04d}")
    waba_id = factory.Sequence(lambda n: f"1092837465{n:05d}")


class StaffFactory(factory.django.DjangoModelFactory[User]):
    """A member of staff who is no superuser; give it tenants with MembershipFactory."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"clerk{n}")
    password = factory.django.Password("secret")
    is_staff = True


class MembershipFactory(factory.django.DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    user = factory.SubFactory(StaffFactory)
    tenant = factory.SubFactory(TenantFactory)


def clerk_of(tenant: Tenant) -> User:
    """Return a member of the tenant's staff, in the role that they all have."""
    user: User = MembershipFactory.create(tenant=tenant).user
    user.groups.add(Group.objects.get(name=STAFF_ROLE))
    return user


class ApiClientFactory(factory.django.DjangoModelFactory[ApiClient]):
    """A program as a row only; `issue_token` makes one with its token."""

    class Meta:
        model = ApiClient

    tenant = factory.SubFactory(TenantFactory)
    name = factory.Sequence(lambda n: f"dialler {n}")
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=30))
