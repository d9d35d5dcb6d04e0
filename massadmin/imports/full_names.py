"""Full names, split into first and last as well as a rule can."""

from __future__ import annotations

# Words that begin a family name of several words; they are written small, which tells them from
# a first name such as Van.
PARTICLES = frozenset(
    (
        "af", "al", "av", "bin", "da", "dal", "de", "del", "della", "den", "der", "di", "do",
        "dos", "du", "el", "la", "le", "lo", "van", "von", "y", "zu", "zum", "zur",
    )
)  # fmt: skip
SUFFIXES = frozenset({"jr", "jr.", "sr", "sr.", "ii", "iii", "iv", "phd", "ph.d.", "md", "m.d."})


def split(name: str) -> tuple[str | None, str | None]:
    """(first, last) of a full name, each None where there is none.

    "Last, First" is turned round; a particle begins the last name ("Ludwig van Beethoven"); a
    suffix stays with it ("Martin Luther King Jr."); a single word is a first name.
    """
    words = name.split()
    if len(words) < 2:
        return (words[0], None) if words else (None, None)
    before, comma, after = name.partition(",")
    if comma and before.strip() and after.strip() and after.strip().lower() not in SUFFIXES:
        return " ".join(after.split()), " ".join(before.split())
    end = len(words)
    while end > 2 and words[end - 1].lower() in SUFFIXES:
        end -= 1
    start = end - 1
    for position in range(1, end - 1):
        if words[position] in PARTICLES:
            start = position
            break
    return " ".join(words[:start]), " ".join(words[start:])
