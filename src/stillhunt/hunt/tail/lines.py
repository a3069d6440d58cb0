"""Bytes as they come, cut into whole lines; what is half-written waits for its rest."""

from stillhunt.hunt.framing import MAX_LINE, Block

__all__ = ["Splitter"]

BOM = b"\xef\xbb\xbf"


class Splitter:
    """Cuts one input into blocks of whole lines. Memory is that of the longest line allowed."""

    def __init__(self, offset: int = 0) -> None:
        """Begin at *offset* of the input [unpacked bytes]."""
        self.offset = offset
        """Where the next line begins [bytes]; everything before it has been given out."""
        self._carry = b""
        self._is_skipping = False

    @property
    def read_to(self) -> int:
        """Return up to where bytes have been taken."""
        return self.offset + len(self._carry)

    def feed(self, data: bytes) -> list[Block]:
        """Take the next bytes, and return the lines that they end."""
        if self.read_to == 0 and data.startswith(BOM):
            self.offset, data = len(BOM), data[len(BOM) :]
        if self._is_skipping:
            cut = data.find(b"\n") + 1
            self.offset += cut or len(data)
            if not cut:
                return []
            self._is_skipping = False
            too_long = Block(data=b"", end_offset=self.offset, seam=b"", is_too_long=True)
            return [too_long, *self.feed(data[cut:])]
        if not self._carry:  # the hole that copytruncate leaves
            full, data = len(data), data.lstrip(b"\0")
            self.offset += full - len(data)
        cut = data.rfind(b"\n") + 1
        if not cut:
            self._carry += data
            if len(self._carry) > MAX_LINE:
                self.offset, self._carry, self._is_skipping = self.read_to, b"", True
            return []
        whole = b"".join((self._carry, memoryview(data)[:cut]))
        self._carry = data[cut:]
        self.offset += len(whole)
        return [Block(data=whole, end_offset=self.offset, seam=b"")]

    def finish(self) -> list[Block]:
        """Return what stands behind the last newline: the input goes on no more."""
        rest, self._carry = self._carry, b""
        self.offset += len(rest)
        if self._is_skipping:
            self._is_skipping = False
            return [Block(data=b"", end_offset=self.offset, seam=b"", is_too_long=True)]
        if not rest.strip(b"\0"):
            return []
        return [Block(data=rest + b"\n", end_offset=self.offset, seam=b"", is_open=True)]
