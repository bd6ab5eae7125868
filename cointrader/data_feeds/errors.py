"""How a file of candles is refused."""

from __future__ import annotations

from cointrader.interop.file_kind import FileRefused


class CandleFileError(FileRefused):
    """A file of candles that is refused whole; the text reads `file:line: field: reason`."""
