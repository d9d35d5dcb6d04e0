"""The doctor: what an installation uses, whether each part works, and what to do if it does not.

Every part is looked at by itself, so that one that is broken hides no other.
"""

from __future__ import annotations

import contextlib
import platform
from importlib.metadata import PackageNotFoundError, version

from redis.exceptions import RedisError

from massadmin.config import BadSetting, Settings
from massadmin.doctor.database import database
from massadmin.doctor.finding import Finding, restarting
from massadmin.doctor.machine import folders
from massadmin.embedded import NoEmbedded, running, services
from massadmin.runs.dispatch import QUEUE, connect


def examine(settings: Settings) -> list[Finding]:
    """Look at everything. Embedded servers that do not run are started for the examination."""
    findings = [
        Finding(
            "massadmin",
            True,
            f"{installed()}, Python {platform.python_version()}, {platform.machine()}",
        ),
        *folders(settings),
    ]
    with contextlib.ExitStack() as ending:
        before = running(settings.data_dir) if settings.data_dir.is_dir() else None
        try:
            usable = ending.enter_context(services(settings))
        except (BadSetting, OSError) as error:
            findings.append(
                Finding("servers", False, str(error), _advice_on_start(error, settings))
            )
            # What is set may still work.
            usable = settings
        else:
            findings.append(_servers(settings, running_before=before is not None))
        if usable.database_url:
            findings += database(usable, embedded=not settings.database_url)
        if usable.redis_url:
            findings.append(_queue(usable, embedded=not settings.redis_url))
    return findings


def _advice_on_start(error: Exception, settings: Settings) -> str:
    folder = settings.data_dir
    if not isinstance(error, NoEmbedded):
        return "Name a folder of its own, which you may write to, in MASSADMIN_DATA_DIR."
    if str(error).startswith("Valkey did not start"):
        return (
            f"See {folder / 'valkey.log'}. The queue keeps nothing that the database does not "
            f"know: with its files moved away (mv {folder / 'valkey'} ...), it starts empty."
        )
    return f"See {folder / 'postgres.log'} and {folder / 'services.log'}."


def installed() -> str:
    """The version of this program."""
    try:
        return version("massadmin")
    except PackageNotFoundError:
        return "a checkout that is not installed"


def _servers(settings: Settings, *, running_before: bool) -> Finding:
    embedded = [
        name
        for name, url in (("PostgreSQL", settings.database_url), ("Valkey", settings.redis_url))
        if not url
    ]
    if not embedded:
        return Finding("servers", True, "DATABASE_URL and REDIS_URL are set")
    how = "running" if running_before else "not running, started to look at them"
    return Finding("servers", True, f"embedded {' and '.join(embedded)}, {how}")


def _queue(settings: Settings, *, embedded: bool) -> Finding:
    address = masked(settings.redis_url)
    try:
        with connect(settings.redis_url) as connection:
            about = connection.info("server")
            depth = connection.llen(f"rq:queue:{QUEUE}")
    except (RedisError, OSError, ValueError) as error:
        return Finding(
            "queue",
            False,
            f"{address}: {error}",
            restarting(settings.data_dir / "valkey.log")
            if embedded
            else "Check REDIS_URL, its password, and that Valkey or Redis runs.",
        )
    name = "Valkey" if "valkey_version" in about else "Redis"
    number = about.get("valkey_version") or about.get("redis_version")
    return Finding("queue", True, f"{name} {number} at {address}, {depth} tickets")


def masked(url: str) -> str:
    """An address without its password."""
    scheme, _, rest = url.partition("://")
    credentials, at, place = rest.rpartition("@")
    if not at:
        return url
    user = credentials.partition(":")[0]
    return f"{scheme}://{user}:***@{place}"
