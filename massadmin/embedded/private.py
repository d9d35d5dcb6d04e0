"""What one installation keeps for its owner's eyes: the data folder and the secrets in it."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from massadmin.config import BadSetting, Settings

# A folder with one of these was ours before, whatever became of its mode.
_OURS = ("users.lock", "up.lock", "secret_key", "passwords.txt", "files")


def private_dir(path: Path) -> Path:
    """Make `path` a folder of mode 0700 that belongs to the user of this process.

    Raises:
        BadSetting: it is somebody else's, a file, or a folder with other uses, such as a home.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
    except FileExistsError as error:
        raise BadSetting(f"MASSADMIN_DATA_DIR={path} cannot be used: it is no folder") from error
    except OSError as error:
        raise BadSetting(f"MASSADMIN_DATA_DIR={path} cannot be used: {error.strerror}") from error
    if found.st_uid != os.geteuid():
        raise BadSetting(f"MASSADMIN_DATA_DIR={path} belongs to another user (id {found.st_uid})")
    if stat.S_IMODE(found.st_mode) != 0o700:
        if has_other_uses(path):
            raise BadSetting(f"MASSADMIN_DATA_DIR={path} has other uses; name a folder of its own")
        path.chmod(0o700)
    return path


def has_other_uses(path: Path) -> bool:
    """Whether closing the folder `path` to everybody else would break what they do there, as of
    /tmp, a home or /etc it would."""
    if path.stat().st_mode & stat.S_ISVTX or path in (Path("/"), Path.home()):
        return True
    there = {each.name for each in path.iterdir()} - {"lost+found"}
    return bool(there) and there.isdisjoint(_OURS)


def kept_secret(path: Path) -> str:
    """The secret in the file `path`, made and stored at first use, mode 0600."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_text().strip()
    # Written beside and linked into place: of two processes that come first, both read one secret.
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    return path.read_text().strip()


def secret_key(settings: Settings) -> str:
    """`SECRET_KEY`, or one that is made once and kept in the data folder."""
    if settings.secret_key:
        return settings.secret_key
    return kept_secret(private_dir(settings.data_dir) / "secret_key")
