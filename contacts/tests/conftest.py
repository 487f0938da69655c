import pytest

from tenants.models import Tenant
from tenants.tests.factories import TenantFactory


@pytest.fixture
def tenant(db: None) -> Tenant:
    return TenantFactory.create()
