"""Uploads that are kept to be read anew."""

from __future__ import annotations

import io
import os
import time

import pytest

from massadmin import imports
from massadmin.imports import uploads
from tests.factories import a_user, contacts

pytestmark = pytest.mark.usefixtures("db_session")


def test_an_upload_is_kept_for_its_owner_only_and_discarded() -> None:
    name = uploads.keep(io.BytesIO(b"Email\na@x.com\n"))
    path = uploads.path_of(name)
    assert path
    assert path.read_bytes() == b"Email\na@x.com\n"
    assert path.parent.stat().st_mode & 0o077 == 0
    uploads.discard(name)
    uploads.discard(name)
    assert uploads.path_of(name) is None
    assert uploads.path_of(None) is None


def test_what_breaks_off_leaves_no_file() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("gone")

    before = uploads.keep(io.BytesIO(b"x"))
    folder = uploads.path_of(before)
    assert folder
    with pytest.raises(OSError, match="gone"):
        uploads.keep(Broken())
    assert [path.name for path in folder.parent.glob("*")] == [before]
    uploads.discard(before)


def test_old_uploads_that_nobody_names_are_discarded() -> None:
    content = b"Email\na@x.com\n"
    named, forgotten, new = (uploads.keep(io.BytesIO(content)) for _ in range(3))
    imports.stage(io.BytesIO(content), "a.csv", contacts(), a_user(), upload=named)
    old = time.time() - 3 * 86_400
    for name in (named, forgotten):
        path = uploads.path_of(name)
        assert path
        os.utime(path, (old, old))
    assert uploads.discard_forgotten() == 1
    assert uploads.path_of(named)
    assert uploads.path_of(new)
    assert uploads.path_of(forgotten) is None
    for name in (named, new):
        uploads.discard(name)
