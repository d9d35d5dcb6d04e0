"""Duplicates inside a file: rows with the match value of an earlier row.

They are found once, before the run starts, over the whole file: chunks run side by side, and none
of them could know what another one holds. The first row counts; later ones are skipped with its
line, because nothing in a file says which of them is the better one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import text

from massadmin.extensions import db
from massadmin.imports.copying import copying, cursor, lines, texts
from massadmin.imports.garbage import uncollected
from massadmin.imports.reading import Reader

BLOCK_ROWS = 20_000


def find_duplicates(
    file_id: int,
    reader: Reader,
    last_line: int | None = None,
    *,
    watch: Callable[[int], object] = lambda looked_at: None,
) -> int:
    """Note the duplicates among the rows up to `last_line`, in place of those noted before; how
    many they are. The caller commits, or does not.

    Args:
        watch: is told now and then how many rows were looked at.
    """
    run = db.session.execute
    run(text("DELETE FROM import_duplicates WHERE file_id = :file"), {"file": file_id})
    if not reader.matches:
        return 0
    run(text("CREATE TEMPORARY TABLE import_keys (line integer, key text) ON COMMIT DROP"))
    _copy_keys(file_id, reader, last_line, watch)
    found = db.session.scalar(
        text(
            """
            WITH found AS (
                INSERT INTO import_duplicates (file_id, line, first_line)
                SELECT :file, line, first_line
                FROM (SELECT line, min(line) OVER (PARTITION BY lower(key)) AS first_line
                      FROM import_keys) AS keyed
                WHERE line > first_line
                RETURNING 1
            )
            SELECT count(*) FROM found
            """
        ),
        {"file": file_id},
    )
    run(text("DROP TABLE import_keys"))
    return int(found or 0)


def _copy_keys(
    file_id: int, reader: Reader, last_line: int | None, watch: Callable[[int], object]
) -> None:
    """Send the match value of every usable row to the temporary table, block by block."""
    # Only the columns that are needed: files can be a thousand columns wide.
    columns = sorted(set(reader.key_columns))
    line, looked_at = 0, 0
    while True:
        with uncollected():
            lines_read = _copy_block(file_id, reader, columns, line, last_line)
        if not lines_read:
            return
        line, looked_at = lines_read[-1], looked_at + len(lines_read)
        watch(looked_at)


def _copy_block(
    file_id: int, reader: Reader, columns: Sequence[int], after: int, last_line: int | None
) -> list[int]:
    """Send those of the next rows; their lines."""
    wanted = ", ".join(f"cells[{column + 1}]" for column in columns)
    with cursor() as reading:
        rows = reading.execute(
            f"""
            SELECT line, ARRAY[{wanted}] FROM import_rows
            WHERE file_id = %(file)s AND line > %(after)s AND problem IS NULL
              AND (%(last)s::integer IS NULL OR line <= %(last)s)
            ORDER BY line LIMIT %(limit)s
            """.encode(),  # noqa: S608 - column numbers
            {"file": file_id, "after": after, "last": last_line, "limit": BLOCK_ROWS},
        ).fetchall()
    if not rows:
        return []
    keys = reader.keys([dict(zip(columns, some, strict=True)) for _, some in rows])
    keyed = [(str(row[0]), key) for row, key in zip(rows, keys, strict=True) if key is not None]
    if keyed:
        with copying("COPY import_keys (line, key) FROM STDIN") as copy:
            copy.write(lines([[each[0] for each in keyed], texts([each[1] for each in keyed])]))
    return [line for line, _ in rows]
