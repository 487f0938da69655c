from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _kept_files(settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "kept"
