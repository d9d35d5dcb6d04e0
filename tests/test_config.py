"""Settings from the environment and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from massadmin.config import BadSetting, Settings, normalise_database_url


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_name_of_postgresql_means_psycopg_3(scheme: str) -> None:
    assert normalise_database_url(f"{scheme}://u:p@h/n?x=1") == "postgresql+psycopg://u:p@h/n?x=1"


def test_another_database_is_refused_without_its_password() -> None:
    with pytest.raises(BadSetting, match="DATABASE_URL names 'mysql'") as refused:
        Settings.from_env({"DATABASE_URL": "mysql://u:hidden@h/n"})
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("url", ["u:hidden@h/n", "postgresql:u:hidden@h/n", "hidden"])
def test_what_is_no_address_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(BadSetting, match="DATABASE_URL cannot be read") as refused:
        Settings.from_env({"DATABASE_URL": url})
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://host/name",
        "postgresql://u:p%40ss@host:5432/name?sslmode=require",
        "postgresql://u:p@[::1]:5432/name",
        "postgresql://massadmin@/massadmin?host=%2Fa%40b%2Fpostgres",
    ],
)
def test_addresses_of_a_database(url: str) -> None:
    assert Settings.from_env({"DATABASE_URL": url}).database_url.endswith(url.partition(":")[2])


@pytest.mark.parametrize(
    "url",
    [
        "redis://:pw@host:6379/0",
        "rediss://u:pw@[::1]:6380/0",
        "unix://:pw@/a%20b/valkey.sock?db=1",
    ],
)
def test_addresses_of_a_queue(url: str) -> None:
    assert Settings.from_env({"REDIS_URL": url}).redis_url == url


def test_settings_survive_the_way_to_another_process(tmp_path: Path) -> None:
    settings = Settings.from_env(
        {"MASSADMIN_COOKIE_SECURE": "yes", "MASSADMIN_TIMEZONE": "Europe/Oslo"},
        data_dir=tmp_path,
        database_url="postgresql+psycopg://h/n",
        port=8123,
    )
    assert Settings.from_env(settings.to_environ()) == settings


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MASSADMIN_PORT", "eighty"),
        ("MASSADMIN_PORT", "65536"),
        ("MASSADMIN_RESTORE_DAYS", "999999"),
        ("MASSADMIN_WORKERS", "0"),
        ("MASSADMIN_TRUSTED_PROXIES", "-1"),
        ("DATABASE_URL", "postgresql://u:p@host:port/name"),
        ("DATABASE_URL", "postgresql://u:p@[::1/name"),
        ("DATABASE_URL", "postgresql://u:pass/word@host/name"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis://host:port/0"),
        ("REDIS_URL", "redis://[::1/0"),
        ("REDIS_URL", "redis://host/name"),
        ("REDIS_URL", "unix:"),
        ("MASSADMIN_DATA_DIR", "~no-such-user/data"),
        ("MASSADMIN_FILES_DIR", "~no-such-user/files"),
        ("SECRET_KEY", "M\udcfcller"),
        ("MASSADMIN_METRICS_TOKEN", "M\udcfcller"),
        ("MASSADMIN_COOKIE_SECURE", "maybe"),
        ("MASSADMIN_TIMEZONE", "Oslo"),
    ],
)
def test_a_value_that_cannot_be_used_names_its_variable(variable: str, value: str) -> None:
    with pytest.raises(BadSetting, match=variable):
        Settings.from_env({variable: value})
