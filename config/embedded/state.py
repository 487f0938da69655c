"""What the embedded directory remembers from one start to the next: `state.json`.

It holds passwords and keys, so only its owner may read it. Its writers hold the gate.
"""

import base64
import json
import os
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NotRequired, TypedDict

from config.embedded.home import EmbeddedError


class RedisAddress(TypedDict):
    """Where the embedded Redis listens, on this machine only, and its password."""

    port: int
    password: str


class State(TypedDict):
    """The file's content; `secrets` go by the names of their settings."""

    redis: NotRequired[RedisAddress]
    secrets: dict[str, str]


def fernet_key() -> str:
    """Return a new key as `Fernet` takes it."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


# What settings need and the environment of a laptop does not give.
GENERATORS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": partial(secrets.token_urlsafe, 48),
    "FIELD_ENCRYPTION_KEYS": fernet_key,
    "NATIONAL_ID_KEY": secrets.token_hex,
    "WHATSAPP_APP_SECRET": secrets.token_hex,
    "WHATSAPP_VERIFY_TOKEN": secrets.token_urlsafe,
}


def read_state(base: Path) -> State:
    """Return what is remembered, empty at first; raises `EmbeddedError` if damaged."""
    try:
        state: State = json.loads((base / "state.json").read_text())
    except FileNotFoundError:
        return {"secrets": {}}
    except ValueError as exc:
        # New keys in their place would make everything encrypted unreadable.
        raise EmbeddedError(
            f"{base / 'state.json'} is damaged: restore it, or delete {base} and "
            "everything in it to begin anew."
        ) from exc
    return state


def write_state(base: Path, state: State) -> None:
    """Replace the file as a whole, so that no crash leaves half of it."""
    unfinished = base / "state.json.unfinished"
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        json.dump(state, file, indent=2)
        file.flush()
        os.fsync(descriptor)
    unfinished.replace(base / "state.json")


def fill_in_secrets(state: State) -> None:
    """Make the secrets that are not there yet; those that are stay."""
    for name, generate in GENERATORS.items():
        state["secrets"].setdefault(name, generate())
