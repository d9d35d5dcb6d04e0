"""The short way to a data folder, which nobody else may turn into one to theirs."""

from __future__ import annotations

from pathlib import Path

from massadmin.embedded.short_path import forget, short_path


def test_a_folder_that_others_can_write_to_is_not_followed(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 30) / "data"
    data_dir.mkdir(parents=True)
    first = short_path(data_dir)
    assert first.resolve() == data_dir
    forget(data_dir)
    # Whoever knows the name from the last time could be there first.
    first.parent.mkdir()
    first.parent.chmod(0o777)
    first.symlink_to(tmp_path)
    try:
        second = short_path(data_dir)
        assert second.parent != first.parent
        assert second.resolve() == data_dir
        forget(data_dir)
    finally:
        first.unlink()
        first.parent.rmdir()
