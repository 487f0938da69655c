from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from tenants.models import Tenant
from tenants.tests.factories import MembershipFactory


@pytest.fixture(autouse=True)
def _kept_files(settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "kept"


@pytest.fixture
def clerk(client: Client) -> User:
    """A member of staff of one tenant, logged in."""
    user = MembershipFactory.create().user
    user.groups.add(Group.objects.get(name="Staff"))
    client.force_login(user)
    return user


@pytest.fixture
def tenant(clerk: User) -> Tenant:
    return clerk.memberships.get().tenant
