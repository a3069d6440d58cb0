"""Pieces of texts as rows of the lake: what ``sketch.pieces`` finds, one row a piece.

They stand in a part of their own, so that no query needs arrays, and with ``ts_us`` in place
of an exchange's id (``docs/decisions/0008-pieces.md``).
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillhunt.sketch.pieces import MOST

__all__ = ["PARTS", "column_of", "pieces_of"]

PARTS: Final = {"system_prompt": 1, "prompt": 2}
"""Text -> what the column ``part`` calls it."""


def column_of(text: str) -> str:
    """Return the name of the column that holds the pieces of *text* until they are rows.

    Its values are lists of MOST, lowest first, -1 where a text has fewer.
    """
    return f"{text}_pieces"


def pieces_of(rows: pa.Table) -> pa.Table | None:
    """Return the pieces of *rows*, in their order; None if there are none.

    Where nobody knows whose an exchange is, its pieces link nobody and are left out.
    """
    here = [text for text in PARTS if column_of(text) in rows.column_names]
    if not here or "account_id" not in rows.column_names:
        return None
    found = np.hstack([_matrix(rows[column_of(text)]) for text in here])
    is_known = rows["account_id"].is_valid().to_numpy()
    row, place = np.nonzero((found >= 0) & is_known[:, None])
    if not len(row):
        return None
    part = np.repeat(np.array([PARTS[text] for text in here], np.int8), MOST)
    accounts = rows["account_id"].cast(pa.string()).combine_chunks().dictionary_encode()
    return pa.table(
        {
            "ts_us": rows["ts_us"].take(row),
            "account_id": accounts.take(row),
            "part": part[place],
            "hash": found[row, place],
        }
    )


def _matrix(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return a column of lists of MOST as an array of shape (rows, MOST)."""
    flat: npt.NDArray[np.int64] = column.combine_chunks().flatten().to_numpy()
    return flat.reshape(-1, MOST)
