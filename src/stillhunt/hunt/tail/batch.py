"""One batch of exchanges as the live rules see it: times, keys and amounts, each made once."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.hunt.tail.keys import Ints, Keyer, Keys
from stillhunt.model.finding import Value

__all__ = ["Batch"]


class Batch:
    """Exchanges in the order of the log; at least one rule counts each of them."""

    def __init__(self, tables: Sequence[pa.Table], keyer: Keyer) -> None:
        """Take *tables*: ``ts_us``, names, amounts, and a Boolean column for each rule."""
        self._tables = tables
        self._keyer = keyer
        self._keys: dict[tuple[str, ...], Keys] = {}
        self.times: Ints = self.amounts("ts_us")
        """When, shape (n,) [us]."""

    def counted(self, rule: str) -> Ints:
        """Return the places of the exchanges that count for *rule*."""
        places: Ints = np.flatnonzero(self._numbers(f"counts_{rule}"))
        return places

    def keys(self, subject: tuple[str, ...]) -> Keys:
        """Return the key of each exchange's *subject*, shape (n,)."""
        if subject not in self._keys:
            self._keys[subject] = np.concatenate(
                [
                    self._keyer.keys([table[name].combine_chunks() for name in subject])
                    for table in self._tables  # one by one: a key takes 32 bytes a letter
                ]
            )
        return self._keys[subject]

    def amounts(self, column: str) -> Ints:
        """Return a column of numbers, the unknown ones as 0, shape (n,)."""
        return self._numbers(column).astype(np.int64)

    def names(
        self, subject: Sequence[str], places: npt.NDArray[np.integer]
    ) -> list[tuple[Value, ...]]:
        """Return the subjects of the exchanges at *places*."""
        whole = pa.concat_tables(table.select(list(subject)) for table in self._tables)
        few = whole.take(pa.array(places))
        return list(zip(*(few[name].to_pylist() for name in subject), strict=True))

    def _numbers(self, column: str) -> npt.NDArray[np.generic]:
        return np.concatenate(
            [
                (pc.fill_null(table[column], 0) if table[column].null_count else table[column])
                .combine_chunks()
                .to_numpy(zero_copy_only=False)
                for table in self._tables
            ]
        )
