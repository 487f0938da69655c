"""Whatever order staff, workers and faults come in, the same holds afterwards."""

import os
from pathlib import Path
from typing import Any

import pytest

from uploads.tests.interleavings import World

pytestmark = pytest.mark.django_db(transaction=True)

_HOUR = 3600


@pytest.fixture(autouse=True)
def _kept_files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "kept"


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    # Each broken connection is a traceback.
    caplog.set_level("CRITICAL", logger="uploads")


def interleave(*, seed: int, seconds: float) -> None:
    world = World(seed)
    world.run(seconds)

    assert not [*world.wrongs()], f"seed {seed}, {dict(world.acts)}"
    assert {"send", "decide", "retry", "undo", "broken"} <= set(world.acts)


def test_no_interleaving_loses_or_doubles_a_row() -> None:
    interleave(seed=int.from_bytes(os.urandom(4)), seconds=40)


@pytest.mark.faults
def test_no_interleaving_of_an_hour_loses_or_doubles_a_row() -> None:
    for _ in range(_HOUR // 120):
        interleave(seed=int.from_bytes(os.urandom(4)), seconds=120)
