"""What somebody who reads a sweep's findings has to know about its logs, in sentences."""

import datetime

import duckdb

from stillhunt.hunt.rule_sql import path_condition

__all__ = ["far_ahead", "few_on_paths"]

HANDFUL = 100  # exchanges; wrong clocks come one by one, a day of traffic does not
SHARE = 1_000  # a handful is less than one in so many, or a quiet log's last day would be one
SEEN = 100  # fewer than one in so many on the paths that count: they are another server's


def far_ahead(con: duckdb.DuckDBPyConnection, lookback_us: int) -> str | None:
    """Say that a few exchanges lie far after all others, and that windows end with them.

    Args:
        con: A connection with the view ``exchanges``.
        lookback_us: What look-back rules see [us].
    """
    (count,) = con.execute("SELECT COUNT(*) FROM exchanges").fetchall()[0]
    newest = con.execute(
        f"SELECT ts_us FROM exchanges ORDER BY ts_us DESC LIMIT {HANDFUL + 1}"
    ).fetchall()
    times = [row[0] for row in newest]
    gaps = [k for k in range(1, len(times)) if times[k - 1] - times[k] > lookback_us]
    ahead = max((k for k in gaps if k * SHARE < count), default=0)
    if not ahead:
        return None
    last = _moment(times[ahead])
    lie = "exchange lies" if ahead == 1 else "exchanges lie"
    return (
        f"{ahead} {lie} after {last}, far beyond all others; look-back windows end at the last"
        f" of them; --until {last} asks without"
    )


def _moment(us: int) -> str:
    """Return *us* as ``--until`` takes it."""
    try:
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=us)
    except OverflowError:  # a log's clock may say anything
        return f"{us} us"
    return f"{moment.isoformat()}Z"


def few_on_paths(con: duckdb.DuckDBPyConnection, listed: str) -> str | None:
    """Say that next to nothing of a log is on the paths that rules count.

    Args:
        con: A connection with the view ``exchanges``.
        listed: The parameter ``volume.paths``.
    """
    posts, counted = con.execute(
        f"""SELECT COUNT(*), COUNT(CASE WHEN {path_condition(listed)} THEN 1 END)
            FROM exchanges WHERE method = 'POST' AND path IS NOT NULL"""
    ).fetchall()[0]
    if counted * SEEN >= posts:
        return None
    return (
        f"only {counted} of {posts} POST requests are on the paths that count"
        " (volume.paths and those of other rules; --set volume.paths=/v1/x names yours)"
    )
