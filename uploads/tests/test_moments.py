from datetime import date

import pytest

from customers.models import Customer
from tenants.tests.factories import TenantFactory
from uploads.tests.factories import load

ROWS = "Name,Mobile,Due Date\nAsha,9876543210,2026-10-04T18:30:00.000Z\n"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("zone", "day"), [("Asia/Kolkata", 5), ("Asia/Dubai", 4), ("Asia/Singapore", 5)]
)
def test_a_moment_is_loaded_as_its_day_in_the_tenants_zone(zone: str, day: int) -> None:
    load(ROWS, tenant=TenantFactory.create(timezone=zone))

    assert Customer.objects.get().due_date == date(2026, 10, day)
