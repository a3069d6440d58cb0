"""Sketch columns from text columns: what ingest calls on every batch.

The text is read where Arrow holds it, without a copy, and the GIL is free while the kernel
runs, so that several worker threads sketch at once.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.hunt.pieces import column_of
from stillhunt.model.exchange import COLUMNS
from stillhunt.sketch import alphabet
from stillhunt.sketch.kernels import models, text
from stillhunt.sketch.models.shipped import MODELS, shipped
from stillhunt.sketch.pieces import MOST
from stillhunt.sketch.template import SKETCH_VERSION

__all__ = ["add_sketches", "is_compiled"]

_KINDS = {"int64": pa.int64(), "int32": pa.int32(), "int16": pa.int16(),
          "float32": pa.float32(), "string": pa.string()}  # fmt: skip
_TYPES = {c.name: _KINDS[c.kind] for c in COLUMNS if c.part == "sketch"}
_ELSEWHERE = {"system_template", *MODELS, "template_public"}
"""Not made from the prompt by the sketch kernel: of another text too, or only brought along."""
_PIECES = pa.list_(pa.int64(), MOST)
_SCRIPTS = pa.array(alphabet.SCRIPTS, pa.string())


def _language_table() -> pa.Array:
    """Return the language of each pair of script and stop words, scripts outermost."""
    return pa.array(
        [
            alphabet.SCRIPT_LANGUAGE.get(script)
            or (language if script in alphabet.STOP_WORD_SCRIPTS else "")
            or None
            for script in alphabet.SCRIPTS
            for language in alphabet.LANGUAGES
        ],
        pa.string(),
    )


_LANGUAGES = _language_table()


def is_compiled() -> bool:
    """Say whether all kernels are compiled, in this process or in the cache on disk."""
    return text.is_compiled() and models.is_compiled()


def add_sketches(table: pa.Table, seed: int, *, with_pieces: bool = False) -> pa.Table:
    """Return *table* with every sketch column, computed from ``prompt`` and ``system_prompt``.

    Where a row has no text, it keeps the sketches that it brought along, else they are NULL.
    A text without words has ``words`` 0 and no hashes.

    Args:
        table: Canonical columns, or some of them; strings may be sliced, chunked or large.
        seed: Of all hashes, unsigned 64-bit; see ``hunt.identity.sketch_seed``.
        with_pieces: Whether to add the pieces of each text, see ``pieces.column_of``.
    """
    made: dict[str, pa.ChunkedArray] = {}
    pieces: dict[str, pa.ChunkedArray] = {}
    if "prompt" in table.column_names:
        made |= _sketch_column(table["prompt"], seed, with_pieces)
        pieces["prompt"] = made.pop("pieces")
    if "system_prompt" in table.column_names:
        system = _sketch_column(table["system_prompt"], seed, with_pieces)
        pieces["system_prompt"] = system["pieces"]
        made["system_template"] = system["template"]
        made.setdefault("sketch_version", pa.nulls(len(table), pa.int16()))
    made |= _likenesses(table)
    for name, kind in _TYPES.items():
        column = _merge(table, name, kind, made)
        if name == "sketch_version" and "system_template" in made:
            column = pc.coalesce(column, system["sketch_version"])
        table = _put(table, name, column)
    for text_name, column in pieces.items() if with_pieces else ():
        table = _put(table, column_of(text_name), column)
    return table


def _merge(
    table: pa.Table, name: str, kind: pa.DataType, made: dict[str, pa.ChunkedArray]
) -> pa.ChunkedArray:
    """Return the column made from text where there is text, else the one brought along."""
    brought = table[name].cast(kind) if name in table.column_names else None
    if name not in made:
        return pa.nulls(len(table), kind) if brought is None else brought
    if brought is None:
        return made[name]
    if name in MODELS:
        return pc.coalesce(made[name], brought)
    source = "system_prompt" if name == "system_template" else "prompt"
    if source not in table.column_names:
        return brought
    return pc.if_else(pc.is_valid(table[source]), made[name], brought)


def _likenesses(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Return what the text models say of each row: of its prompt or its system prompt.

    The higher of the two, since whoever harvests chooses where the request stands.
    """
    texts = [table[name] for name in ("prompt", "system_prompt") if name in table.column_names]
    if not texts:
        return {}
    said = [_likeness(text) for text in texts]
    return {
        name: pc.max_element_wise(*(columns[place] for columns in said))
        for place, name in enumerate(MODELS)
    }


def _likeness(column: pa.ChunkedArray) -> list[pa.ChunkedArray]:
    """Return a column a model for a column of texts."""
    given = shipped()
    parts: list[list[pa.Array]] = [[] for _ in MODELS]
    for chunk in _strings(column).chunks:
        absent = chunk.is_null().to_numpy(zero_copy_only=False)
        sums = models.sums(*_view(chunk), ~absent, given.weights, given.bounds)
        found = given.probability(sums)
        for place, part in enumerate(parts):
            part.append(pa.array(found[:, place], mask=absent))
    return [pa.chunked_array(part, pa.float32()) for part in parts]


def _put(table: pa.Table, name: str, column: pa.ChunkedArray) -> pa.Table:
    at = table.schema.get_field_index(name)
    if at < 0:
        return table.append_column(pa.field(name, column.type), column)
    return table.set_column(at, pa.field(name, column.type), column)


def _sketch_column(
    column: pa.ChunkedArray, seed: int, with_pieces: bool
) -> dict[str, pa.ChunkedArray]:
    """Sketch a column of texts, chunk by chunk."""
    parts = [_sketch_chunk(chunk, seed, with_pieces) for chunk in _strings(column).chunks]
    kinds = {name: kind for name, kind in _TYPES.items() if name not in _ELSEWHERE}
    return {
        name: pa.chunked_array([part[name] for part in parts], kind)
        for name, kind in {**kinds, "pieces": _PIECES}.items()
    }


def _strings(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return *column* in a type whose memory can be read as it stands."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column
    return column.cast(pa.large_string())


def _sketch_chunk(chunk: pa.Array, seed: int, with_pieces: bool) -> dict[str, pa.Array]:
    absent = chunk.is_null().to_numpy(zero_copy_only=False)
    offsets, data = _view(chunk)
    found = text.sketch(offsets, data, ~absent, seed, with_pieces=with_pieces)
    wordless = found.words == 0
    pair = found.script.astype(np.int32) * len(alphabet.LANGUAGES) + found.language
    return {
        "sketch_version": pa.array(np.full(len(chunk), SKETCH_VERSION, np.int16), mask=absent),
        "template": pa.array(found.template, mask=wordless),
        "prefix_hash": pa.array(found.prefix_hash, mask=wordless),
        "fill_hash": pa.array(found.fill_hash, mask=~found.has_fill),
        "simhash": pa.array(found.simhash, mask=wordless),
        "words": pa.array(found.words, mask=absent),
        "unique_ratio": pa.array(found.unique_ratio, mask=wordless),
        "word_entropy": pa.array(found.word_entropy, mask=wordless),
        "shingle_entropy": pa.array(found.shingle_entropy, mask=wordless),
        "script": _SCRIPTS.take(pa.array(found.script, mask=absent)),
        "language": _LANGUAGES.take(pa.array(pair, mask=absent)),
        "pieces": pa.FixedSizeListArray.from_arrays(pa.array(found.pieces.reshape(-1)), MOST),
    }


def _view(chunk: pa.Array) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8]]:
    """Return offsets and bytes of a string array, as numpy views of Arrow's memory."""
    width = np.int64 if pa.types.is_large_string(chunk.type) else np.int32
    _, offsets, data = chunk.buffers()
    if offsets is None or offsets.size == 0:  # Arrow allows this for no rows
        return np.zeros(1, width), np.zeros(0, np.uint8)
    where = np.frombuffer(offsets, width)[chunk.offset : chunk.offset + len(chunk) + 1]
    return where, np.frombuffer(data or b"", np.uint8)
