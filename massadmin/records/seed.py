"""Believable contacts in any number, made by the database itself, the same ones for the same seed.

Each contact has a number. What is to differ from contact to contact is drawn from a hash of that
number and the seed; who it is, a first name, a last name and a company, is one of some 1.8 million
combinations that each come up once, so that every e-mail address is unique.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import BigInteger, Integer, TextClause, bindparam, func, select, text

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records import seed_words as words
from massadmin.records.contacts import Contact
from massadmin.records.tags import ensure_tags

AT_ONCE = 25_000
YEARS = 3  # of history

_COMBINATIONS = words.NAMES_EACH**2 * len(words.COMPANY_FIRST) * len(words.COMPANY_SECOND)
# Near the golden section of the combinations and without a common factor with them: neighbours
# are far apart, and none comes up twice.
_STEP = 1_093_595

# What is drawn for each contact, each with a number of its own in the hash.
_DRAWS = (
    *("place", "phone", "company", "email", "status", "source"),
    *("owner", "created", "active", "dnd", "postal"),
)
_BIG = frozenset({"salt", "step", "combinations"})

_INSERT = """
WITH place AS (
    SELECT * FROM unnest(
        CAST(:city AS text[]), CAST(:state AS text[]), CAST(:country AS text[]),
        CAST(:time_zone AS text[]), CAST(:phone AS text[]), CAST(:digits AS int[]),
        CAST(:postal AS text[]), CAST(:culture AS int[])
    ) WITH ORDINALITY AS p (city, state, country, time_zone, phone, digits, postal, culture, no)
),
drawn AS (
    SELECT n, (n * :step) % :combinations AS who, n / :combinations AS again, {draws}
    FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n
),
person AS (
    SELECT drawn.*, place.*,
        culture * :names + (who / (:companies * :names))::int + 1 AS first_no,
        culture * :names + (who / :companies % :names)::int + 1 AS last_no,
        (who % :companies)::int % :company_firsts + 1 AS company_first,
        (who % :companies)::int / :company_firsts + 1 AS company_second,
        CAST(:until AS timestamptz)
            - floor(pow(at_created, 1.3) * :seconds) * interval '1 second' AS created
    FROM drawn JOIN place ON place.no = 1 + floor(pow(at_place, 1.6) * :places)::int
),
worded AS (
    SELECT *,
        (CAST(:first_names AS text[]))[first_no] AS first_name,
        (CAST(:last_names AS text[]))[last_no] AS last_name,
        (CAST(:first_slugs AS text[]))[first_no] || '.'
            || (CAST(:last_slugs AS text[]))[last_no] AS slug,
        (CAST(:company_first AS text[]))[company_first] AS company_a,
        (CAST(:company_second AS text[]))[company_second] AS company_b,
        (CAST(:statuses AS text[]))[1 + floor(at_status * :status_count)::int] AS status,
        CASE WHEN at_active < 0.85 THEN created + (CAST(:until AS timestamptz) - created)
            * (at_active / 0.85) END AS active
    FROM person
),
made AS (
    INSERT INTO contacts (
        first_name, last_name, email, phone, company_name, status, source, owner_id,
        city, state, country, postal_code, time_zone,
        dnd_email, dnd_sms, dnd_whatsapp, dnd_calls, created_at, updated_at, last_activity_at)
    SELECT first_name, last_name,
        CASE
            WHEN at_email < 0.04 THEN NULL
            WHEN at_company < 0.08 THEN slug || n || '@inbox.example'
            ELSE slug || CASE WHEN again = 0 THEN '' ELSE again::text END
                || '@' || lower(company_a || company_b) || '.example'
        END,
        CASE WHEN at_email < 0.04 OR at_phone < 0.88
            THEN phone || left(lpad(floor(at_phone * 1e9)::bigint::text, 9, '0'), digits) END,
        CASE WHEN at_company >= 0.08 THEN company_a || ' ' || company_b END,
        status,
        (CAST(:sources AS text[]))[1 + floor(at_source * :source_count)::int],
        CASE WHEN at_owner < 0.96
            THEN (CAST(:owners AS int[]))[1 + floor(pow(at_owner, 2) * :owner_count)::int] END,
        city, state, country,
        regexp_replace(regexp_replace(regexp_replace(postal, '#', (floor(at_postal * 10))::text),
            '#', (floor(at_postal * 100)::int % 10)::text), '#',
            (floor(at_postal * 1000)::int % 10)::text),
        time_zone,
        status = 'Unsubscribed' OR at_dnd < 0.03, at_dnd BETWEEN 0.02 AND 0.07,
        at_dnd BETWEEN 0.06 AND 0.08, at_dnd BETWEEN 0.05 AND 0.12,
        created, date_trunc('second', coalesce(active, created)), date_trunc('second', active)
    FROM worded ORDER BY n
    RETURNING id
)
INSERT INTO contact_tags (contact_id, tag_id)
SELECT id, (CAST(kind.tags AS int[]))[
    1 + floor(pow({which_tag}, 2) * cardinality(kind.tags))::int]
FROM made
CROSS JOIN (VALUES (1, 0.40, CAST(:tags_1 AS int[])), (2, 0.15, CAST(:tags_2 AS int[])),
    (3, 0.05, CAST(:tags_3 AS int[]))) AS kind (no, share, tags)
WHERE {how_tagged} < kind.share
"""


def seed(
    count: int,
    *,
    seed: int = 1,
    owners: Sequence[int] | None = None,
    on_progress: Callable[[int], None] = lambda made: None,
) -> int:
    """Add `count` contacts behind those that exist; how many were made. Commits every `AT_ONCE`.

    The same number and seed, on a database without contacts, give the same contacts on any one
    day; their history ends at its beginning (UTC).

    Args:
        owners: ids of the users who own them, the first of them most; None means all active users.
        on_progress: called with the number made so far, after each commit.
    """
    if owners is None:
        owners = list(db.session.scalars(select(User.id).where(User.active).order_by(User.id)))
    binds = _binds(seed, owners)
    statement = _statement(binds)
    start = db.session.scalar(select(func.coalesce(func.max(Contact.id), 0))) or 0
    made = 0
    while made < count:
        size = min(AT_ONCE, count - made)
        first = start + made + 1
        db.session.execute(statement, {**binds, "first": first, "last": first + size - 1})
        db.session.commit()
        made += size
        on_progress(made)
    db.session.execute(text("ANALYZE contacts, contact_tags"))
    db.session.commit()
    return made


def _statement(binds: dict[str, Any]) -> TextClause:
    draws = ", ".join(f"{_draw('n', number)} AS at_{name}" for number, name in enumerate(_DRAWS))
    sql = _INSERT.format(
        draws=draws, which_tag=_draw("id", "50 + kind.no"), how_tagged=_draw("id", 60)
    )
    # The driver would send a small number as a smallint, and arithmetic would overflow.
    return text(sql).bindparams(
        *(
            bindparam(name, type_=BigInteger if name in _BIG else Integer)
            for name, value in binds.items()
            if isinstance(value, int)
        )
    )


def _draw(key: str, salt: int | str) -> str:
    """SQL of a number from 0 up to 1 that depends on `key`, `salt` and the seed alone."""
    return f"((hashint8extended({key}, :salt + {salt}) & 2147483647)::float8 / 2147483648)"


def _binds(seed: int, owners: Sequence[int]) -> dict[str, Any]:
    firsts = [name for culture in words.CULTURES for name in words.first_names(culture)]
    lasts = [name for culture in words.CULTURES for name in words.last_names(culture)]
    tags = ensure_tags(name for kind in words.TAGS for name in kind)
    places = words.PLACES
    statuses, sources = _weighed(words.STATUSES), _weighed(words.SOURCES)
    return {
        "salt": seed * 100,
        "step": _STEP,
        "combinations": _COMBINATIONS,
        "names": words.NAMES_EACH,
        "companies": len(words.COMPANY_FIRST) * len(words.COMPANY_SECOND),
        "company_firsts": len(words.COMPANY_FIRST),
        "company_first": words.COMPANY_FIRST,
        "company_second": words.COMPANY_SECOND,
        "until": db.session.scalar(text("SELECT date_trunc('day', now(), 'UTC')")),
        "seconds": YEARS * 365 * 24 * 3600,
        "first_names": firsts,
        "last_names": lasts,
        "first_slugs": [words.in_address(name) for name in firsts],
        "last_slugs": [words.in_address(name) for name in lasts],
        "statuses": statuses,
        "status_count": len(statuses),
        "sources": sources,
        "source_count": len(sources),
        "owners": list(owners),
        "owner_count": len(owners),
        "places": len(places),
        "city": [place.city for place in places],
        "state": [place.state for place in places],
        "country": [place.country for place in places],
        "time_zone": [place.time_zone for place in places],
        "phone": [place.phone for place in places],
        "digits": [place.digits for place in places],
        "postal": [place.postal for place in places],
        "culture": [words.CULTURES.index(place.culture) for place in places],
        **{
            f"tags_{number}": [tags[name] for name in kind]
            for number, kind in enumerate(words.TAGS, start=1)
        },
    }


def _weighed(weights: dict[str, int]) -> list[str]:
    return [word for word, weight in weights.items() for _ in range(weight)]
