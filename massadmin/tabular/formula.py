"""Cells that a spreadsheet would run as a formula, made harmless and made whole again.

The rule is OWASP's "CSV Injection" page and ASVS 5.0, requirement 1.2.10: a cell that begins with
= + - @, a tab, a carriage return or a line feed, or with the full-width = + - @ that Japanese
versions of Excel take for the same, gets an apostrophe in front. Blanks, quotation marks and
invisible characters before such a sign do not hide it, because importers strip them.

Numbers are left alone, as an apostrophe would make text of them: -12.5, and phone numbers in
E.164 such as +4712345678.
"""

from __future__ import annotations

import re

# A lead that hides a sign. The tab, carriage return and line feed are signs themselves.
_BLANKS = r" \x00\x0b\x0c\x85\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff"
_QUOTES = "'\"`‘’“”＇＂"
RISKY = re.compile(rf"[{_BLANKS}{_QUOTES}]*[=+\-@＝＋－＠﹦﹢﹣﹫\t\r\n]")
NUMBER = re.compile(r"[+-][0-9]+([.,][0-9]+)?")


def is_risky(text: str) -> bool:
    """Whether a spreadsheet could take `text` for a formula."""
    return RISKY.match(text) is not None and NUMBER.fullmatch(text) is None


def defuse(text: str) -> str:
    """`text` as it is safe in a cell of a CSV file; most texts are returned unchanged."""
    return "'" + text if is_risky(text) else text


def restore(text: str) -> str:
    """The text that `defuse` was given: `restore(defuse(text)) == text` for every text."""
    return text[1:] if text[:1] == "'" and is_risky(text[1:]) else text
