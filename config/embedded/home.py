"""Where the embedded servers live, and which account they run under."""

import hashlib
import os
import pwd
import re
import stat
import tempfile
from collections.abc import Collection
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent

# sockaddr_un holds 108 bytes, the closing NUL among them.
SOCKET_PATH_BYTES = 107
# Anything else would have to be quoted for libpq, for postgresql's list of socket
# folders and for the shell that initdb starts its helpers with.
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+-]+")


class EmbeddedError(Exception):
    """The embedded servers cannot run; the message says what to do about it."""


def server_user() -> pwd.struct_passwd | None:
    """Return the account that the servers run under, or None for the caller's own.

    PostgreSQL refuses to run as root.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise EmbeddedError(
        "PostgreSQL refuses to run as root, and there is no user 'postgres' or "
        "'nobody' to run it as: use an ordinary account, or set DATABASE_URL and "
        "REDIS_URL."
    )


def may_enter(path: Path, user: pwd.struct_passwd) -> bool:
    """Tell whether the user may pass through all of the path's folders."""
    for place in (path, *path.parents):
        status = place.stat()
        if status.st_uid == user.pw_uid:
            bit = stat.S_IXUSR
        elif status.st_gid == user.pw_gid:
            bit = stat.S_IXGRP
        else:
            bit = stat.S_IXOTH
        if not status.st_mode & bit:
            return False
    return True


def digest(path: Path) -> str:
    """Return a short name for a path, of letters and digits only."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]


def base_dir() -> Path:
    """Return the directory of everything embedded; it need not exist yet.

    `EMBEDDED_DIR`, or `.embedded` in the checkout. Below root's closed home the
    servers' user could not reach that: then a folder of its own for this checkout.
    """
    if chosen := os.environ.get("EMBEDDED_DIR"):
        return (CHECKOUT / Path(chosen).expanduser()).resolve()
    user = server_user()
    if user is None or may_enter(CHECKOUT, user):
        return CHECKOUT / ".embedded"
    return Path("/var/lib/dues-desk") / digest(CHECKOUT)


def make_base_dir(base: Path) -> None:
    """Make the directory so that the servers' user can pass; raises `EmbeddedError`."""
    user = server_user()
    existing = next(place for place in (base, *base.parents) if place.exists())
    if user and not may_enter(existing, user):
        raise EmbeddedError(
            f"The embedded servers run as '{user.pw_name}', who cannot reach {base}: "
            "set EMBEDDED_DIR to a folder outside closed ones."
        )
    for place in reversed([base, *base.parents]):
        if not place.exists():
            place.mkdir(exist_ok=True)  # two may come at once
            # The servers' user passes through, whatever the umask says; what is secret
            # in there is closed file by file.
            place.chmod(0o711 if user else 0o700)


def close_base_dir(base: Path, *, ours: Collection[str]) -> None:
    """Close what an earlier release, or another umask, left open to other users.

    Only what we put there: `ours` are the patterns of its names, and EMBEDDED_DIR may
    be anybody's folder. PostgreSQL closes its own files itself, and there are many.
    """
    entries = {path for pattern in ours for path in base.glob(pattern)}
    if set(base.iterdir()) <= entries:
        close(base, passable=server_user() is not None)
    for path in entries:
        if path.name.startswith("postgresql"):
            close(path)
            for log in path.glob("server.log*"):
                close(log)
        else:
            close_tree(path)


def close_tree(top: Path) -> None:
    """Close a file, or a folder and all in it, to everybody but its owner."""
    close(top)
    if top.is_dir() and not top.is_symlink():
        for folder, folders, files in os.walk(top):
            for name in (*folders, *files):
                close(Path(folder, name))


def close(path: Path, *, passable: bool = False) -> None:
    """Take a path's rights from everybody but its owner; links are left as they are.

    `passable`: others may pass through the folder to what they can name and may read.
    """
    mode = path.lstat().st_mode
    closed = stat.S_IMODE(mode) & (0o711 if passable else 0o700)
    if not stat.S_ISLNK(mode) and stat.S_IMODE(mode) != closed:
        path.chmod(closed)


def give_to_server_user(path: Path) -> None:
    """Let the servers' user own a path, where they are not run as ourselves."""
    if user := server_user():
        os.chown(path, user.pw_uid, user.pw_gid)


def socket_dir(base: Path) -> Path:
    """Return a folder whose path is short and plain enough for PostgreSQL's socket."""
    data = base / "postgresql"
    length = len(os.fsencode(data / ".s.PGSQL.5432"))
    if length <= SOCKET_PATH_BYTES and PLAIN_PATH.fullmatch(str(data)):
        return data
    return private_folder(base, "socket")


def private_folder(base: Path, purpose: str) -> Path:
    """Make a closed folder with a plain path under the temporary directory."""
    user = server_user()
    owner = user.pw_uid if user else os.geteuid()
    folder = Path(tempfile.gettempdir()) / f"dues-desk-{digest(base)}-{purpose}"
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        pass
    else:
        give_to_server_user(folder)
    # Everybody may write to the temporary directory, also a link where we look.
    status = folder.lstat()
    if (
        not stat.S_ISDIR(status.st_mode)
        or status.st_uid != owner
        or stat.S_IMODE(status.st_mode) != 0o700
    ):
        raise EmbeddedError(
            f"{folder} belongs to somebody else: remove it, or set EMBEDDED_DIR to a "
            "folder with a shorter path."
        )
    return folder


def private_folders(base: Path) -> list[Path]:
    """Return the folders that `private_folder` made for this directory."""
    return list(Path(tempfile.gettempdir()).glob(f"dues-desk-{digest(base)}-*"))
