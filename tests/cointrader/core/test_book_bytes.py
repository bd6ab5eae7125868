"""A book as bytes: bit for bit, and nothing else is taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from cointrader.core.book import Book, open_book
from cointrader.core.book_bytes import BookUnreadable, pack_book, unpack_book


def book(symbols: int = 2) -> Book:
    return open_book(["BTC", "ETH", "SOL"][:symbols], [300_000] * symbols, 10_000.0, 1, 8)


def filled() -> Book:
    made = book()
    made.account["active"], made.account["balance"] = 1, 0.1 + 0.2
    made.slots[0]["stop"], made.slots[0]["signal"] = np.nan, 17
    made.symbols["close"] = (1 / 3, 2 / 3)
    return made


def test_a_book_comes_back_bit_for_bit() -> None:
    before, after = filled(), book()
    assert unpack_book(pack_book(before, {"now": 5, "signals": 18}), after) == {"now": 5, "signals": 18}
    assert after.account.tobytes() == before.account.tobytes()
    assert after.symbols.tobytes() == before.symbols.tobytes()
    assert after.slots.tobytes() == before.slots.tobytes()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no readable head"),
        (b"[]\n", "no readable head"),
        (b'{"header": {}, "parts": []}\n', "another version"),
        (pack_book(filled(), {}).replace(b"balance", b"Balance"), "another version"),
        (pack_book(filled(), {})[:-1], "bytes instead of"),
        (pack_book(book(3), {}), "one of 3 symbols"),
    ],
)
def test_other_bytes_are_refused_and_change_nothing(content: bytes, why: str) -> None:
    untouched = book()
    with pytest.raises(BookUnreadable, match=why):
        unpack_book(content, untouched)
    assert untouched.account.tobytes() == book().account.tobytes()
