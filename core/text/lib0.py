"""Reading the bytes of Yjs: numbers, texts and values as the library lib0 writes them.

`varUint` has 7 bits a byte, the least first; in a `varInt` bit 6 of the first byte is the sign. Source: lib0,
`decoding.js`. Whatever comes from outside is read here with a bound before an engine in Rust sees it.
"""

from __future__ import annotations

from ..errors import MalformedUpdateError

__all__ = ["Reader", "written"]

_BITS_MAX = 63
_DEPTH_MAX = 100


class Reader:
    """Reads `data`, which is a `what`. Raises `MalformedUpdateError` where it isn't."""

    def __init__(self, data: bytes, what: str) -> None:
        self.data, self.at = data, 0
        self._what = what

    @property
    def ended(self) -> bool:
        """Whether all is read."""
        return self.at >= len(self.data)

    def malformed(self, why: str) -> MalformedUpdateError:
        """Return the error to raise."""
        return MalformedUpdateError(f"these {len(self.data):,} bytes are no {self._what} of a text: {why}")

    def byte(self) -> int:
        """Read one byte."""
        if self.ended:
            raise self.malformed("they end too soon")
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        """Read a `varUint`."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > _BITS_MAX:
                raise self.malformed("a number has more than 64 bits")

    def raw(self) -> bytes:
        """Read bytes with their length before them."""
        return self._take(self.number())

    def text(self) -> str:
        """Read a text."""
        try:
            return self.raw().decode()
        except UnicodeDecodeError:
            raise self.malformed("a text in them is no UTF-8") from None

    def signed_is_positive(self) -> bool:
        """Read a `varInt`; say whether it isn't below 0."""
        first = byte = self.byte()
        while byte & 0x80:
            byte = self.byte()
        return not first & 0x40

    def skip_value(self, depth: int = 0) -> None:
        """Read a value of any kind."""
        kind = self.byte()
        match kind:
            case 127 | 126 | 121 | 120:  # undefined, null, false, true
                pass
            case 125:
                self.signed_is_positive()
            case 124:
                self._take(4)
            case 123 | 122:
                self._take(8)
            case 119 | 116:
                self.raw()
            case 118 | 117 if depth < _DEPTH_MAX:
                for _ in range(self.number()):
                    if kind == 118:
                        self.raw()
                    self.skip_value(depth + 1)
            case _:
                raise self.malformed("a value in them is of no known kind, or nested too deep")

    def _take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise self.malformed("they end too soon")
        self.at += count
        return self.data[self.at - count : self.at]


def written(number: int) -> bytes:
    """Return a `varUint`."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
