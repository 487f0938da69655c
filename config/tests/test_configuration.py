"""What is said about the configuration in several places is the same in each."""

import logging
import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.test import Client

from tests.processes import environment_on_the_tests_database

# Names that only compose.yaml uses, to make the addresses of its own servers.
COMPOSE_ONLY = ["POSTGRES_PASSWORD", "REDIS_PASSWORD"]


def read(name: str) -> str:
    return (settings.BASE_DIR / name).read_text()


def names_in_settings() -> list[str]:
    source = read("config/settings.py")
    found = re.findall(r'(?:env\.\w+|= secret)\(\s*"([A-Z_]+)"', source)
    # Read where it is used: the embedded servers start before settings are complete.
    found.insert(found.index("MEDIA_ROOT"), "EMBEDDED_DIR")
    return found


def test_the_example_names_every_setting_in_the_order_of_settings() -> None:
    example = re.findall(r"^#([A-Z_]+)=", read(".env.example"), re.MULTILINE)

    assert example == names_in_settings() + COMPOSE_ONLY


def test_the_readme_explains_every_setting_in_the_order_of_settings() -> None:
    table = re.findall(r"^\| `([A-Z_]+)` \|", read("README.md"), re.MULTILINE)

    assert table == names_in_settings()


def test_compose_hands_every_setting_on() -> None:
    compose = read("compose.yaml")
    # Made in the image, or meant for a laptop.
    elsewhere = {"EMBEDDED_DIR", "MEDIA_ROOT", "DEBUG", "PORT"}

    for name in names_in_settings():
        if name not in elsewhere:
            assert re.search(rf"^    {name}: ", compose, re.MULTILINE), name


def test_a_call_by_a_name_that_is_not_ours_is_no_error_of_ours(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    response = client.get("/admin/login/", headers={"host": "scanner.example"})

    assert response.status_code == 400
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


@pytest.mark.parametrize("name", ["UPLOAD_PART_SECONDS", "UPLOAD_READING_SECONDS"])
@pytest.mark.parametrize("value", ["0", "-5"])
def test_no_time_for_files_is_refused_in_a_sentence(name: str, value: str) -> None:
    started = subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        cwd=settings.BASE_DIR,
        env=environment_on_the_tests_database() | {name: value},
        capture_output=True,
        text=True,
        check=False,
    )

    assert started.returncode == 1
    assert f"{name}" in started.stderr
    assert "must be 1 or more: with 0 every file would fail" in started.stderr


def test_blanks_beside_the_commas_are_no_part_of_an_app_secret() -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "from config import settings; print(settings.WHATSAPP_APP_SECRET)",
        ],
        cwd=settings.BASE_DIR,
        env=environment_on_the_tests_database()
        | {"WHATSAPP_APP_SECRET": " new, old ,"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout == "['new', 'old']\n"
