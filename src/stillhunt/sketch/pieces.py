"""Pieces of a text: a few hashes by which two texts that share a passage are known.

They are no pieces of a template (``sketch.template``), which depend on where lines end and
what a label is. These do not care where in a text a passage stands:

1. Words are those of ``sketch.words``; words with a digit and URLs are masked, and runs of
   masked ones are one sign. Quoted words stay.
2. A *shingle* is five of them in a row; all of them where there are only three or four.
   Fewer say nothing, and have no piece.
3. A shingle is kept where its hash is among the lowest sixteenth of all hashes: the same
   shingle is kept in every text or in none (FracMinHash, Irber et al. 2022).
4. At most the eight lowest of a text are kept, so that no text takes more room than others.

A text of n words has about n / 16 pieces up to 130 words, and eight above: there they are a
bottom-8 sketch, and a passage counts by its share of the text. One text of 20 words in three
has none, so what is looked for must be sent more than once.

Cost to evade: a word changed in every five, in each text anew; or a passage drowned in more
than eight times its length of text that never comes twice.
"""

from functools import reduce

from stillhunt.sketch.template import CAP
from stillhunt.sketch.words import lines, masked, mix

__all__ = ["BOUND", "FEWEST", "MOST", "PIECE_TAG", "SIZE", "pieces"]

SIZE = 5
"""Shorter shingles are idioms that strangers share by chance [words]."""
FEWEST = 3
"""A text of fewer words has no piece [words]."""
MOST = 8
"""Pieces of one text."""
BOUND = 1 << 60
"""A shingle is kept below it: a sixteenth of 2^64."""
PIECE_TAG = 3  # beside the tags of ``template``: no piece is equal to a template's hash


def pieces(text: str, seed: int) -> list[int]:
    """Return the pieces of *text* in ascending order, in [0, BOUND).

    ``kernels.pieces`` finds the same; it sees the first CAP words of a text, and so does this.

    Args:
        text: Any text.
        seed: Of all hashes, unsigned 64-bit.
    """
    words = [word for line in lines(text, seed) for word in line.words][:CAP]
    signs = [sign for sign, _ in masked(words, quotes=False)]
    if len(signs) < FEWEST:
        return []
    size = min(SIZE, len(signs))
    starts = range(len(signs) - size + 1)
    hashes = {reduce(mix, signs[i : i + size], seed ^ PIECE_TAG) for i in starts}
    return sorted(h for h in hashes if h < BOUND)[:MOST]
