"""Sketches of different versions are never compared: the newest one counts, others are unknown."""

import duckdb

from stillhunt.model.exchange import COLUMNS

__all__ = ["keep_newest"]

SKETCHES = tuple(c.name for c in COLUMNS if c.part == "sketch" and c.name != "sketch_version")


def keep_newest(con: duckdb.DuckDBPyConnection) -> str | None:
    """Hide the sketches of older versions in the view ``exchanges``; say so if there are any.

    Rows that brought sketches without a version count as the newest.

    Returns:
        A sentence for people, or None where there is one version at most.
    """
    counted = con.execute(
        "SELECT sketch_version, COUNT(*) FROM exchanges"
        " WHERE sketch_version IS NOT NULL GROUP BY sketch_version ORDER BY sketch_version"
    ).fetchall()
    if len(counted) < 2:  # noqa: PLR2004 - one version has nothing to be told from
        return None
    newest = int(counted[-1][0])
    older = f"sketch_version < {newest}"
    hidden = ", ".join(f"CASE WHEN {older} THEN NULL ELSE {c} END AS {c}" for c in SKETCHES)
    con.execute("ALTER VIEW exchanges RENAME TO exchanges_of_every_version")
    con.execute(
        f"CREATE VIEW exchanges AS SELECT * REPLACE ({hidden}) FROM exchanges_of_every_version"
    )
    rows = sum(int(n) for _, n in counted[:-1])
    return (
        f"{rows:,} exchanges have sketches of a version before {newest}; what is asked of"
        " sketches leaves them out"
    )
