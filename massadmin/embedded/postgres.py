"""PostgreSQL 18 in the data folder: created once, reached through a socket in a private folder."""

from __future__ import annotations

import contextlib
import locale
import os
import shutil
import signal
from pathlib import Path
from urllib.parse import quote

from massadmin.embedded.children import Child, Owner
from massadmin.embedded.programs import NoEmbedded, postgres_home, unprivileged

NAME = "massadmin"  # of the database and of the role that owns it
SOCKET = ".s.PGSQL.5432"
MEGABYTE = 1024 * 1024
NAMES = 3  # the lines of postmaster.pid that tell servers apart: process, folder, time of start


class Postgres:
    """The server whose files are in `data_dir/postgres`. Nothing else knows how it is run.

    Its socket lies among those files (mode 0700, below a folder of mode 0700), and that is what
    keeps other users of the machine out: whoever can reach the socket is let in.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.durable = durable
        self.files = data_dir / "postgres"
        self.log = data_dir / "postgres.log"
        self._lock = data_dir / "postgres.lock"
        self._owner = unprivileged(self.files)
        self._bin = postgres_home(self._owner) / "bin"
        self._left: list[str] = []  # what the last server left in postmaster.pid
        self.child = Child(
            name="PostgreSQL",
            argv=[str(self._bin / "postgres"), "-D", self._here(self.files), *self._flags()],
            # Fast shutdown: transactions are rolled back, the log is flushed, shared memory freed.
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGINT,
            patience=60.0,
            cwd=self.files,
            owner=self._owner,
            environ=_environ(),
            lock=self._lock,
            lock_patience=60.0,
            # Nothing of the last server lives while we hold the lock, so a file that still names
            # its process is stale, even if that number now belongs to somebody else.
            remove=("postmaster.pid",),
            output=self.log,
        )

    def url(self, base: Path) -> str:
        """For SQLAlchemy; `base` is a path to the data folder that is short enough for a socket."""
        return f"postgresql+psycopg://{NAME}@/{NAME}?host={quote(str(base / 'postgres'))}"

    def prepare(self) -> None:
        """Create the cluster unless it exists. Raises NoEmbedded."""
        self._left = self._status()[:NAMES]
        with contextlib.suppress(FileNotFoundError):
            found = (self.files / "PG_VERSION").read_text().strip()
            if found != "18":
                raise NoEmbedded(
                    f"{self.files} was made by PostgreSQL {found}; dump it with that version and "
                    "load it into an empty data folder"
                )
            return
        if self.files.is_dir() and any(self.files.iterdir()):
            raise NoEmbedded(
                f"{self.files} has lost its PG_VERSION and perhaps more: bring back a copy of the "
                "data folder, or move this one away and begin anew"
            )
        # Made beside and renamed, so that one that was interrupted is never taken for whole.
        draft = self.files.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        _owned_dir(draft, self._owner)
        self._once(draft, "initdb", *_initdb(self._here(draft), durable=self.durable))
        self._once(
            draft,
            "postgres",
            *("--single", "-D", self._here(draft), *self._flags(), "postgres"),
            stdin=f"CREATE ROLE {NAME} LOGIN\nCREATE DATABASE {NAME} OWNER {NAME}\n".encode(),
        )
        draft.rename(self.files)

    def ready(self) -> bool:
        """Whether the server that was started takes connections."""
        lines = self._status()
        # One that was killed leaves its last word behind, until the new one is about to start.
        return len(lines) > 7 and lines[7].strip() == "ready" and lines[:NAMES] != self._left

    def _status(self) -> list[str]:
        try:
            return (self.files / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _here(self, directory: Path) -> str:
        # Another user cannot walk to its own files through our private folders. It can stand in
        # them: its working folder is set before it gives up the rights to get there, and this
        # is the name of that.
        return "/proc/self/cwd" if self._owner else str(directory)

    def _flags(self) -> list[str]:
        flags = ["listen_addresses=", "unix_socket_directories=.", "unix_socket_permissions=0700"]
        if not self.durable:
            flags += ["fsync=off", "full_page_writes=off", "synchronous_commit=off"]
        return [part for flag in flags for part in ("-c", flag)]

    def _once(self, directory: Path, program: str, *args: str, stdin: bytes = b"") -> None:
        start = self.log.stat().st_size if self.log.exists() else 0
        status = Child(
            name=program,
            argv=[str(self._bin / program), *args],
            cwd=directory,
            owner=self._owner,
            environ=_environ(),
            lock=self._lock,
            stdin=stdin,
            output=self.log,
        ).run()
        said = self.log.read_bytes()[start:].decode(errors="replace").strip().splitlines()
        # In single-user mode a statement that fails does not make the status one of failure.
        if status or any(" ERROR: " in line or " FATAL: " in line for line in said):
            reason = next((line for line in said if "rror" in line or "FATAL" in line), "no word")
            raise NoEmbedded(f"PostgreSQL could not be set up in {self.files}: {reason}")


def _environ() -> dict[str, str]:
    # TZ spares initdb a search through all zone files; PG* variables of the user stay outside.
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _owned_dir(path: Path, owner: Owner | None) -> None:
    path.mkdir(mode=0o700)
    if owner is not None:
        os.chown(path, owner.uid, owner.gid)


def _initdb(here: str, *, durable: bool) -> list[str]:
    settings = [f"--set={name}={value}" for name, value in tuning(_memory()).items()]
    return [
        *("-D", here, "--username=postgres", "--auth-local=trust", "--auth-host=reject"),
        *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        *("--locale=C", f"--lc-ctype={_lc_ctype()}", "--no-instructions", *settings),
        *([] if durable else ["--no-sync"]),
    ]


def _lc_ctype() -> str:
    """The C library's locale that knows letters from signs in UTF-8; full text splits by it."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in ("C.UTF-8", "en_US.UTF-8"):
            with contextlib.suppress(locale.Error):
                locale.setlocale(locale.LC_CTYPE, name)
                return name
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return "C"


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def tuning(memory: int) -> dict[str, str]:
    """Settings for a machine of `memory` bytes that runs the console too, written once.

    They go to postgresql.conf, so that ALTER SYSTEM and an administrator's edits overrule them.
    """

    def megabytes(size: int, least: int, most: int) -> str:
        return f"{min(max(size // MEGABYTE, least), most)}MB"

    return {
        "max_connections": "100",
        "shared_buffers": megabytes(memory // 8, 64, 1024),
        "effective_cache_size": megabytes(memory // 2, 256, 16_384),
        "maintenance_work_mem": megabytes(memory // 32, 64, 512),
        "work_mem": megabytes(memory // 512, 8, 32),
        # Bulk changes write much log in bursts: checkpoints by time, not by volume.
        "max_wal_size": "4GB",
        "min_wal_size": "256MB",
        "checkpoint_timeout": "15min",
        # The build knows only the slow way to do it, which takes a fifth of the time of a change.
        "wal_compression": "off",
        # A chunk's statement is planned once per few thousand rows; compiling it costs more.
        "jit": "off",
        "random_page_cost": "1.1",
        # Tables of a million rows are vacuumed and analysed after a run that touched one in 20.
        "autovacuum_naptime": "20s",
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_vacuum_insert_scale_factor": "0.1",
        "autovacuum_analyze_scale_factor": "0.02",
        "autovacuum_vacuum_cost_limit": "1000",
        "dynamic_shared_memory_type": _shared_memory(),
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
    }


def _shared_memory() -> str:
    # Containers often give /dev/shm 64 MB, and a parallel query that needs more fails.
    try:
        found = os.statvfs("/dev/shm")  # noqa: S108 - it is asked for its size only
    except OSError:
        return "posix"
    return "posix" if found.f_frsize * found.f_blocks >= 512 * MEGABYTE else "mmap"
