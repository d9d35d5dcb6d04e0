"""How likely it is that decoded text is what people wrote: a cost for each odd character.

Text in the wrong encoding betrays itself: symbols inside words, capitals after small letters, two
scripts in one word, long runs of vowels or of consonants, letters that few names hold.
`strangeness` adds these up. It needs no dictionary, and so works on the names and places of an
address list, which are no sentences. The weights were set by trying the forenames and surnames of
some 40 countries in the code pages of their languages.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

# Typographic signs are normal around words: «Ocean», 20 °C, nº 4; these also inside: O’Brien.
_USUAL_SIGNS = frozenset(
    "’‘“”„«»–—…·•€£§°©®™º¡¿½¼¾²³´\u00a0\u00ad、。，・：；！？（）「」『』【】《》ー々〜～　№"
)
_QUOTING_SIGNS = frozenset("“”„«»–—…¿¡")
_TRAILING_SIGNS = frozenset("ºª°²³™®©")
_INSIDE_WORDS = frozenset("’‘´·ー・々")

_EAST_ASIAN = frozenset(("HANGUL", "HIRAGANA", "KATAKANA", "CJK", "HALFWIDTH"))
_SCRIPTS = _EAST_ASIAN | {"LATIN", "GREEK", "CYRILLIC", "HEBREW", "ARABIC", "THAI"}
_WITH_VOWELS = frozenset(("LATIN", "GREEK", "CYRILLIC"))
_VOWELS = frozenset("aeiouyæøœıαεηιουωаеёиоуыэюяіїєѣ")

# Costs of letters that the code pages hold but that few names do; all others cost nothing.
_LETTER_COSTS = dict.fromkeys("ΰƒŸŔŕĹĺĢģĶķĻļŅņŖŗÝªÀÈÌÒÙÛÏЂЃѓЉЊЌЋЏќџЎўЅѕҐґ", 0.6)
_LETTER_COSTS |= dict.fromkeys("þÞðÐţŢ", 0.3) | dict.fromkeys("đĐìùòûœÿõîèďĺřťňёұ", 0.15)
_LETTER_COSTS |= dict.fromkeys("ฃฅฆฌญฎฏฐฑฒฬฮฯ๏๐๑๒๓๔๕๖๗๘๙๚๛", 0.6)
# Letters at the end of Hebrew and Greek words, and Cyrillic ones that hardly begin one.
_FINALS = frozenset("םןךףץς")
_NEVER_FIRST = frozenset("ьъыЬЪЫ")

_WORDS = re.compile(r"[A-Za-z'\x80-\U0010ffff]+")


class _Kind(NamedTuple):
    script: str  # "" for what is no letter
    category: str
    vowel: bool
    cost: float


@lru_cache(maxsize=20_000)
def _kind(char: str) -> _Kind:
    category = unicodedata.category(char)
    if char == "\ufffd" or category in ("Cc", "Co", "Cn", "Cs"):
        return _Kind("", category, False, 4.0)
    if char in _USUAL_SIGNS or char in _INSIDE_WORDS:
        return _Kind("", category, False, 0.0)
    if category[0] not in "LM":
        return _Kind("", category, False, 0.0 if char < "\x80" else 1.5)
    script = unicodedata.name(char, "").partition(" ")[0]
    base = unicodedata.normalize("NFD", char)[0].lower()
    if script not in _SCRIPTS:
        return _Kind("OTHER", category, False, 1.5)
    return _Kind(script, category, base in _VOWELS, _letter_cost(char, script))


def _letter_cost(char: str, script: str) -> float:
    if script == "HALFWIDTH":
        return 1.0
    if script == "CJK":
        return 0.2 if _is_common_ideograph(char) else 1.0
    if script == "HANGUL":
        # KS X 1001 lists the syllables in use; the code page adds all others that could be.
        return 0.04 if min(char.encode("cp949", "replace").rjust(2, b"\xff")) > 0xA0 else 1.0
    return _LETTER_COSTS.get(char, 0.03 if script == "THAI" else 0.0)


def _is_common_ideograph(char: str) -> bool:
    """True for the first level of GB 2312, JIS X 0208 or Big5, which each list the common ones."""
    for encoding, below in (("gb2312", 0xD8), ("shift_jis", 0x98), ("big5", 0xC9)):
        try:
            if char.encode(encoding)[0] < below:
                return True
        except UnicodeEncodeError:
            continue
    return False


def _pair_cost(left: str, right: str) -> float:
    """Cost of two neighbours, at least one of them not ASCII."""
    first, second = _kind(left), _kind(right)
    if first.script and second.script:
        if first.script == second.script:
            return 2.0 if first.category == "Ll" and second.category == "Lu" else 0.0
        scripts = {first.script, second.script}
        if scripts == {"HANGUL", "CJK"}:
            return 1.0  # Koreans write names in one or the other
        return 0.0 if scripts <= _EAST_ASIAN else 2.0
    if second.category == "Mn":
        return 2.0  # an accent with nothing under it
    if not (first.script or second.script):
        return 0.0
    if first.script and right in _TRAILING_SIGNS:
        return 0.0
    sign = right if first.script else left
    if sign == left == "’" and second.script == "GREEK":
        return 2.0  # a capital with its accent, in another code page
    usual = sign < "\x80" or sign.isspace() or sign in _INSIDE_WORDS or sign in _QUOTING_SIGNS
    # A symbol that touches a letter: "Cr©dito" pays on both sides, "Acme¤" once.
    return 0.0 if usual else 0.7


@lru_cache(maxsize=50_000)
def _word_cost(word: str) -> float:
    cost, vowels, consonants, last = 0.0, 0, 0, " "
    for char in word:
        kind = _kind(char)
        cost += kind.cost
        if char > "\x7f" or last > "\x7f":
            cost += _pair_cost(last, char)
        if kind.script and (last in _FINALS or (last == " " and char in _NEVER_FIRST)):
            cost += 1.0
        if kind.script in _WITH_VOWELS:
            vowels, consonants = (vowels + 1, 0) if kind.vowel else (0, consonants + 1)
            cost += (vowels > 2) * 1.0 + (consonants > 3) * 1.0
        else:
            vowels = consonants = 0
        last = char
    if word.endswith(("iæ", "iè", "σ")):
        cost += 1.0  # Kovačević in the code page of another language; Greek words end in ς
    if len(word) == 1 and _kind(word).script in _WITH_VOWELS:
        cost += 0.3
    return cost


def strangeness(text: str, raw_bytes: int) -> float:
    """Cost of `text` per byte above 0x7F that it was decoded from; 0 is perfectly ordinary."""
    words = Counter(word for word in _WORDS.findall(text) if not word.isascii())
    return sum(_word_cost(word) * count for word, count in words.items()) / max(raw_bytes, 1)
