import pytest
from django.contrib.auth.models import AnonymousUser, User

from contacts.models import Contact
from contacts.tests.factories import ContactFactory
from tenants.access import tenants_of, visible
from tenants.models import Tenant
from tenants.tests.factories import MembershipFactory, StaffFactory

pytestmark = pytest.mark.django_db


def test_staff_see_the_rows_of_their_own_tenants_only() -> None:
    ours, theirs = ContactFactory.create_batch(2)
    clerk = MembershipFactory.create(tenant=ours.tenant).user
    stranger = MembershipFactory.create(tenant=theirs.tenant).user

    contacts = Contact.objects.all()
    assert list(visible(contacts, user=clerk)) == [ours]
    assert list(visible(contacts, user=stranger)) == [theirs]
    assert list(tenants_of(clerk)) == [ours.tenant]


def test_staff_of_two_tenants_see_both_and_each_row_once() -> None:
    one, other = ContactFactory.create_batch(2)
    clerk = MembershipFactory.create(tenant=one.tenant).user
    MembershipFactory.create(tenant=other.tenant, user=clerk)

    assert set(visible(Contact.objects.all(), user=clerk)) == {one, other}
    assert visible(Contact.objects.all(), user=clerk).count() == 2


def test_a_superuser_sees_every_tenant() -> None:
    ContactFactory.create_batch(2)
    owner = User.objects.create_superuser("owner")

    assert visible(Contact.objects.all(), user=owner).count() == 2
    assert tenants_of(owner).count() == Tenant.objects.count()


@pytest.mark.parametrize("who", ["nobody", "former owner", "staff of no tenant"])
def test_whoever_works_for_no_tenant_sees_nothing(who: str) -> None:
    ContactFactory.create()
    user: User | AnonymousUser = {
        "nobody": AnonymousUser,
        "former owner": lambda: User.objects.create_superuser("ex", is_active=False),
        "staff of no tenant": StaffFactory.create,
    }[who]()

    assert not visible(Contact.objects.all(), user=user).exists()
    assert not tenants_of(user).exists()
