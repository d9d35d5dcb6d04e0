"""The data folder and its secrets."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from massadmin.config import BadSetting, Settings
from massadmin.embedded.private import kept_secret, private_dir, secret_key


def test_a_data_folder_is_made_private(tmp_path: Path) -> None:
    made = private_dir(tmp_path / "a" / "b")
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    made.chmod(0o755)
    private_dir(made)
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_a_folder_with_other_uses_is_left_as_it_is(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(BadSetting, match="has other uses"):
        private_dir(shared)
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777
    (tmp_path / "file").touch()
    with pytest.raises(BadSetting, match="it is no folder"):
        private_dir(tmp_path / "file")


def test_a_folder_with_files_of_others_stays_open_to_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "lost+found").mkdir()
    private_dir(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700, "an empty disk is nobody's yet"
    tmp_path.chmod(0o755)
    (tmp_path / "passwd").touch()
    with pytest.raises(BadSetting, match="has other uses"):
        private_dir(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    kept_secret(tmp_path / "secret_key")
    private_dir(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700, "it was ours before"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of another user")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    with pytest.raises(BadSetting, match="belongs to another user"):
        private_dir(tmp_path)


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    made = kept_secret(tmp_path / "secret")
    assert len(made) == 64
    assert kept_secret(tmp_path / "secret") == made
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_a_secret_key_that_is_set_needs_no_folder(tmp_path: Path) -> None:
    settings = Settings.from_env({}, data_dir=tmp_path / "data", secret_key="given")
    assert secret_key(settings) == "given"
    assert not (tmp_path / "data").exists()
