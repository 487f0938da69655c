from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def kept_files(settings: Any, tmp_path: Path) -> Path:
    """The folder of kept files, empty."""
    settings.MEDIA_ROOT = tmp_path
    return tmp_path
