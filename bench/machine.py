"""The machine a bench ran on, as far as it matters to what was measured."""

from __future__ import annotations

import os
import platform
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import current_app

from bench.measuring import rows_of, seconds


def facts(contacts: int, repeat: int) -> dict[str, Any]:
    """The machine, the programs and the settings that count, and how busy it was beforehand."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    valkey = current_app.extensions["massadmin_redis"].info("server")
    shown = ("shared_buffers", "work_mem", "max_wal_size", "fsync", "synchronous_commit")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory": f"{memory / 2**30:.0f} GB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgresql": rows_of("SHOW server_version")[0][0].split()[0],
        "valkey": valkey.get("valkey_version") or valkey["redis_version"],
        "settings": {name: rows_of(f"SHOW {name}")[0][0] for name in shown},
        "fsync_ms": round(_fsync() * 1_000, 2),
        "load_before": round(os.getloadavg()[0], 2),
        "date": datetime.now(UTC).date().isoformat(),
        "contacts": contacts,
        "repeat": repeat,
    }


def _processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in told.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


def _fsync() -> float:
    """Seconds to get one small write onto the disk; the least a commit can take."""
    with tempfile.TemporaryFile() as file:
        best = []
        for _ in range(20):
            file.write(b"x" * 8_192)
            file.flush()
            best.append(seconds(lambda: os.fsync(file.fileno())))
    return sorted(best)[len(best) // 2]
