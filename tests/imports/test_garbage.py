"""Garbage is left alone while rows are worked on, and looked for again afterwards."""

from __future__ import annotations

import gc

import pytest

from massadmin.imports.garbage import uncollected


def test_off_inside_and_on_again() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_on_again_after_a_failure() -> None:
    with pytest.raises(ZeroDivisionError), uncollected():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_within_another_it_stays_off() -> None:
    with uncollected():
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
