"""Processes that use the embedded servers, and both ends of a question to them."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import redis
from django.conf import settings

from config.embedded import keeper
from tests.processes import (
    environment_of,
)

# A process that uses the servers: says where they are, then does what it is told.
USER = """
import json, sys
from config import embedded
servers = embedded.ensure(database=True, redis=True)
print(json.dumps([servers.database_url, servers.redis_url]), flush=True)
for line in sys.stdin:
    print(json.dumps(embedded.heal()), flush=True)
"""


class User:
    """A process that uses the embedded servers of a directory."""

    def __init__(self, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER],
            cwd=settings.BASE_DIR,
            env=environment_of(directory),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_for_servers(self) -> "User":
        self.database_url, self.redis_url = self.read()
        return self

    def read(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def heal(self) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write("heal\n")
        self.process.stdin.flush()
        return self.read()

    def leave(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(30) == 0

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


class Users(ExitStack):
    """Starts users of a directory, and ends them with the test."""

    def __call__(self, directory: Path) -> User:
        user = User(directory)
        self.callback(user.end)
        return user


def ask_database(url: str, sql: str) -> Any:
    with psycopg.connect(url) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchone() if cursor.description else None


def ask_redis(url: str, *command: str) -> Any:
    with redis.Redis.from_url(url) as client:
        return client.execute_command(*command)


def postgresql_pid(directory: Path) -> int:
    pid = keeper.server_pid(directory, keeper.POSTGRESQL)
    assert pid is not None
    return pid


def redis_pid(directory: Path) -> int:
    pid = keeper.server_pid(directory, keeper.REDIS)
    assert pid is not None
    return pid
