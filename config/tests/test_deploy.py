"""compose.yaml and the units of systemd run what `start` runs."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from config.management.commands.start import WORKERS

SYSTEMD_ANALYZE = shutil.which("systemd-analyze")
UNITS = settings.BASE_DIR / "deploy" / "systemd"


def service(name: str) -> str:
    """Return what compose.yaml says of a service."""
    text = (settings.BASE_DIR / "compose.yaml").read_text()
    (found,) = re.findall(rf"^  {name}:\n(.*?)^  \w", text, re.MULTILINE | re.DOTALL)
    return str(found)


def unit(name: str) -> str:
    text = (UNITS / f"dues-desk-{name}.service").read_text()
    return text.replace("\\\n", " ").replace("%%", "%")


@pytest.mark.parametrize("read", [service, unit])
@pytest.mark.parametrize("name", WORKERS)
def test_each_worker_takes_from_the_queues_of_starts(
    name: str, read: Callable[[str], str]
) -> None:
    command = read(name)

    (hostname,) = re.findall(r"--hostname (\S+)", command)
    (queues,) = re.findall(r"--queues (\S+)", command)
    (processes,) = re.findall(r"--concurrency (\d+)", command)

    assert hostname == f"{name}@%h"
    assert queues.split(",") == WORKERS[name][0]
    assert int(processes) >= WORKERS[name][1] or name == "files"


def test_compose_asks_each_worker_by_its_name() -> None:
    for name in WORKERS:
        assert f"inspect ping --destination {name}@$$HOSTNAME" in service(name)


def test_the_target_starts_every_unit() -> None:
    started = re.findall(
        r"dues-desk-\w+\.service", (UNITS / "dues-desk.target").read_text()
    )

    assert sorted(started) == sorted(path.name for path in UNITS.glob("*.service"))


@pytest.mark.skipif(SYSTEMD_ANALYZE is None, reason="systemd-analyze is not here")
def test_systemd_finds_no_fault_with_the_units(tmp_path: Path) -> None:
    shutil.copytree(UNITS, tmp_path, dirs_exist_ok=True)
    units = sorted(tmp_path.glob("*.service"))
    for path in units:
        # The programs are where the product is installed.
        text = re.sub(r"/opt/dues-desk/\.venv/bin/\w+", "/bin/true", path.read_text())
        path.write_text(text)

    done = subprocess.run(  # noqa: S603 - ours
        [
            str(SYSTEMD_ANALYZE),
            "verify",
            "--man=no",
            *units,
            tmp_path / "dues-desk.target",
        ],
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
