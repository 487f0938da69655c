import factory

from contacts.models import Contact
from tenants.tests.factories import TenantFactory


class ContactFactory(factory.django.DjangoModelFactory[Contact]):
    class Meta:
        model = Contact

    tenant = factory.SubFactory(TenantFactory)
    phone_number = factory.Sequence(lambda n: f"91987650{n:04d}")
    name = factory.Faker("name", locale="en_IN")
