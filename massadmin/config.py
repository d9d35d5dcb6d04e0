"""Every setting of the console, read from the environment in one place."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from massadmin.paths import default_data_dir

# A host and perhaps a port: a name, an IPv4 or an IPv6 address; nothing for a socket.
_PLACE = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\[\]:@]*)(:[0-9]{1,5})?")
LOG_LEVELS = ("debug", "info", "warning", "error")


class BadSetting(ValueError):
    """A setting whose value cannot be used; the message names the variable and what it takes."""


LARGEST = 999_999_999
LONGEST_DAYS = 36_500  # a hundred years; the database's calendar ends somewhere


def _setting(env: str, help: str, default: Any, largest: int = LARGEST) -> Any:
    return field(default=default, metadata={"env": env, "help": help, "largest": largest})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one process. `Settings.from_env()` reads them; nothing else does."""

    data_dir: Path = _setting(
        "MASSADMIN_DATA_DIR",
        "Folder of the embedded databases, the secret key and the first passwords. Empty: "
        "`instance` in a checkout, `~/.local/share/massadmin` of an installed package.",
        None,
    )
    files_dir: Path = _setting(
        "MASSADMIN_FILES_DIR",
        "Folder of exported and uploaded files. Empty: `files` in the data folder. On several "
        "machines, a folder that all of them share.",
        None,
    )
    database_url: str = _setting(
        "DATABASE_URL",
        "PostgreSQL 18 or newer, `postgresql://user:password@host/name`. "
        "Empty: an embedded server.",
        "",
    )
    redis_url: str = _setting(
        "REDIS_URL",
        "Valkey or Redis, `redis://:password@host:6379/0`. Empty: an embedded server.",
        "",
    )
    secret_key: str = _setting(
        "SECRET_KEY", "Signs sessions and forms. Empty: made once and kept in the data folder.", ""
    )
    timezone: str = _setting(
        "MASSADMIN_TIMEZONE", "IANA zone in which people who chose none see times.", "UTC"
    )
    host: str = _setting("MASSADMIN_HOST", "Address the web server listens on.", "127.0.0.1")
    port: int = _setting("MASSADMIN_PORT", "Port the web server listens on.", 8000, 65_535)
    workers: int = _setting(
        "MASSADMIN_WORKERS", "Worker processes that `massadmin up` starts.", 2, 256
    )
    web_processes: int = _setting(
        "MASSADMIN_WEB_PROCESSES",
        "Processes that answer web requests; as many as the machine has cores is plenty.",
        2,
        64,
    )
    web_threads: int = _setting(
        "MASSADMIN_WEB_THREADS", "Requests that each of them answers at once.", 4, 256
    )
    cookie_secure: bool = _setting(
        "MASSADMIN_COOKIE_SECURE",
        "Send the session cookie over HTTPS only. Set to 1 behind HTTPS.",
        False,
    )
    trusted_proxies: int = _setting(
        "MASSADMIN_TRUSTED_PROXIES",
        "Reverse proxies in front of the web server, whose `X-Forwarded-For`, `-Proto` and `-Host` "
        "are believed. 0: nobody's.",
        0,
        9,
    )
    # To begin and end a chunk takes as long as to change a thousand records.
    chunk_size: int = _setting(
        "MASSADMIN_CHUNK_SIZE", "Most records that are changed in one transaction.", 10_000
    )
    restore_days: int = _setting(
        "MASSADMIN_RESTORE_DAYS",
        "Days a deleted record can be restored; then it is purged.",
        60,
        LONGEST_DAYS,
    )
    export_days: int = _setting(
        "MASSADMIN_EXPORT_DAYS", "Days an exported file is kept.", 30, LONGEST_DAYS
    )
    result_days: int = _setting(
        "MASSADMIN_RESULT_DAYS",
        "Days the per-record results of finished runs are kept.",
        365,
        LONGEST_DAYS,
    )
    max_upload_mb: int = _setting(
        "MASSADMIN_MAX_UPLOAD_MB", "Largest file that can be imported, in megabytes.", 1_024
    )
    max_columns: int = _setting(
        "MASSADMIN_MAX_COLUMNS", "Most columns an imported file may have.", 10_000
    )
    max_cell_chars: int = _setting(
        "MASSADMIN_MAX_CELL_CHARS", "Longest cell of an imported file, in characters.", 100_000
    )
    metrics_token: str = _setting(
        "MASSADMIN_METRICS_TOKEN",
        "Lets other machines read /metrics, as `Authorization: Bearer …`. Empty: none may.",
        "",
    )
    log_level: str = _setting("MASSADMIN_LOG_LEVEL", "debug, info, warning or error.", "info")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
        """Read the settings from `environ` (the process's own when None); `overrides` win.

        Raises:
            BadSetting: a value does not parse; the message names the variable.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for each in fields(cls):
            raw = environ.get(each.metadata["env"], "").strip()
            if raw:
                values[each.name] = _parse(each, raw)
        values.update({name: value for name, value in overrides.items() if value is not None})
        values.setdefault("data_dir", default_data_dir())
        values["data_dir"] = _folder("MASSADMIN_DATA_DIR", values["data_dir"])
        values.setdefault("files_dir", values["data_dir"] / "files")
        values["files_dir"] = _folder("MASSADMIN_FILES_DIR", values["files_dir"])
        values["database_url"] = normalise_database_url(values.get("database_url", ""))
        _check_redis_url(values.get("redis_url", ""))
        settings = cls(**values)
        if settings.log_level not in LOG_LEVELS:
            raise BadSetting(
                f"MASSADMIN_LOG_LEVEL={settings.log_level!r} takes {', '.join(LOG_LEVELS)}"
            )
        try:
            ZoneInfo(settings.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise BadSetting(
                f"MASSADMIN_TIMEZONE={settings.timezone!r} is no IANA zone, such as Europe/Oslo"
            ) from error
        return settings

    def to_environ(self) -> dict[str, str]:
        """The variables that make `from_env` of another process read these same settings."""
        environ = {}
        for each in fields(self):
            value = getattr(self, each.name)
            environ[each.metadata["env"]] = (
                str(int(value)) if isinstance(value, bool) else str(value)
            )
        return environ


def _folder(env: str, path: str | Path) -> Path:
    """The whole path, without `~`. Raises BadSetting when that is the home of nobody."""
    try:
        return Path(path).expanduser().resolve()
    except RuntimeError as error:
        raise BadSetting(
            f"{env}={str(path)!r} is in the home of a user whom nobody knows"
        ) from error


def normalise_database_url(url: str) -> str:
    """`url` with psycopg 3 named as the driver; hosts hand out `postgres://` or `postgresql://`.

    Raises:
        BadSetting: another database or driver is named.
    """
    if not url:
        return ""
    scheme, named, rest = url.partition("://")
    if not named:
        # Not shown either: without a scheme, it may begin with the password.
        raise BadSetting(
            "DATABASE_URL cannot be read; it takes postgresql://user:password@host/name"
        )
    if scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise BadSetting(
            f"DATABASE_URL names {scheme!r}; it takes postgresql://user:password@host/name"
        )
    place = re.split("[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    if not _PLACE.fullmatch(place):
        # Not shown: where the parts of an address are wrong, one cannot tell its password.
        raise BadSetting(
            "DATABASE_URL cannot be read; it takes postgresql://user:password@host:5432/name, with "
            "/ ? # @ in a password written as %2F %3F %23 %40"
        )
    return f"postgresql+psycopg://{rest}"


def _check_redis_url(url: str) -> None:
    """Raises BadSetting when `url` cannot be an address of a queue."""
    if not url:
        return
    try:
        parts = urlsplit(url)
        usable = (
            parts.scheme in ("redis", "rediss", "unix")
            and url.startswith(f"{parts.scheme}://")
            and parts.port != 0
            # What is no number would mean database 0, whatever was meant.
            and (parts.scheme == "unix" or re.fullmatch("(/[0-9]*)?", parts.path) is not None)
        )
    except ValueError:
        usable = False
    if not usable:
        raise BadSetting("REDIS_URL cannot be read; it takes redis://:password@host:6379/0")


def _parse(setting: Field[Any], raw: str) -> Any:
    env, default = setting.metadata["env"], setting.default
    if setting.name in ("data_dir", "files_dir"):
        return Path(raw)
    try:
        raw.encode()
    except UnicodeEncodeError as error:
        raise BadSetting(f"{env} is not written in UTF-8") from error
    if isinstance(default, bool):
        if raw.lower() in ("1", "true", "yes", "on"):
            return True
        if raw.lower() in ("0", "false", "no", "off"):
            return False
        raise BadSetting(f"{env}={raw!r} takes 1 or 0")
    if isinstance(default, int):
        least, largest = min(default, 1), setting.metadata["largest"]
        if raw.isdecimal() and len(raw) < 10 and least <= int(raw) <= largest:
            return int(raw)
        raise BadSetting(f"{env}={raw!r} takes a whole number from {least} to {largest}")
    return raw
