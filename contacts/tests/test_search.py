import pytest
from django.contrib.auth.models import User

from contacts.models import Contact, ContactIdentity
from contacts.search import matching
from contacts.tests.factories import ContactFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("91987654", "asha"),
        ("+91 98765-4", "asha"),
        ("43210", "asha"),
        ("98765 43210", "asha"),
        ("09876543210", "asha"),
        ("00919876543210", "asha"),
        ("+91 (0) 98765 43210", "asha"),
        ("987654", "asha"),
        ("3210", "asha"),
        ("९८७६५४३२१०", "asha"),
        ("09000000001", "kabir"),
        ("asha", "asha"),
        ("VERM", "asha"),
        ("ver ash", "asha"),
        ("प्रिया", "priya"),
        ("शर्", "priya"),
        ("wandering_k", "kabir"),
        ("wandering", "kabir"),
        ("o'br", "obrien"),
        ("919000000001", "kabir"),
        ("shaa", None),
        ("8765", None),
        ("919000000002", None),
        ("' & |", None),
        ("\0", "everybody"),
        ("", "everybody"),
    ],
)
def test_digits_or_the_beginnings_of_words_find_a_person(
    text: str, found: str | None
) -> None:
    owner = User.objects.create_superuser("owner")
    people = {
        "asha": ContactFactory.create(
            name="Asha Verma",
            phone_number="919876543210",
            tenant__country="IN",
        ),
        "priya": ContactFactory.create(name="प्रिया शर्मा"),
        "kabir": ContactFactory.create(
            name="Kabir", username="wandering_kabir", phone_number=None
        ),
        "obrien": ContactFactory.create(name="Sean O'Brien"),
    }
    former = people["kabir"]
    ContactIdentity.objects.create(
        tenant=former.tenant, contact=former, kind="phone", value="919000000001"
    )

    answers = set(matching(Contact.objects.all(), text, user=owner))

    expected = {people[found]} if found in people else set()
    if found == "everybody":
        expected = set(people.values())
    assert answers == expected


def test_a_search_stays_within_the_contacts_it_is_given() -> None:
    ours, theirs = (
        ContactFactory.create(name="Asha", phone_number="919876543210") for _ in "ab"
    )
    ContactIdentity.objects.create(
        tenant=theirs.tenant, contact=theirs, kind="phone", value="919000000001"
    )
    owner = User.objects.create_superuser("owner")
    visible = Contact.objects.filter(tenant=ours.tenant)

    assert list(matching(visible, "asha", user=owner)) == [ours]
    assert list(matching(visible, "43210", user=owner)) == [ours]
    assert not matching(visible, "919000000001", user=owner).exists()
