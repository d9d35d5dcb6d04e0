"""Where things lie on disk: the parts of the product, and the data of one installation."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def asset_dir(name: str) -> Path:
    """The folder `templates`, `static` or `migrations`.

    A wheel carries them inside the package; a checkout has them beside it.
    """
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


def default_data_dir() -> Path:
    """`instance/` of the checkout; for an installed package, a folder in the user's home."""
    if (PACKAGE.parent / "app.py").is_file():
        return PACKAGE.parent / "instance"
    return Path.home() / ".local" / "share" / "massadmin"
