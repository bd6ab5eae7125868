"""One book: levels by price, the best of each side always at hand."""

from hypothesis import given
from hypothesis import strategies as st

from cointrader.data_feeds.order_book.book import OrderBook
from cointrader.data_feeds.order_book.normalizer import OrderBookNormalizer

LEVELS = st.lists(st.tuples(st.integers(1, 40), st.sampled_from([0.0, 0.5, 2.0])), max_size=12)


@given(st.lists(st.tuples(LEVELS, LEVELS), max_size=25))
def test_the_best_prices_are_those_of_a_book_searched_through(updates: list[tuple[list, list]]) -> None:
    book, bids, asks = OrderBook(), {}, {}
    for new_bids, new_asks in updates:
        book.apply(new_bids, new_asks)
        for known, levels in ((bids, new_bids), (asks, new_asks)):
            for ticks, amount in levels:
                known.pop(ticks, None)
                if amount:
                    known[ticks] = amount
        assert book.best_bid() == max(bids.items(), default=None)
        assert book.best_ask() == min(asks.items(), default=None)
        top = book.top(3)
        assert top == (sorted(bids.items(), reverse=True)[:3], sorted(asks.items())[:3])


def test_a_book_is_brought_into_one_form() -> None:
    normalized = OrderBookNormalizer(depth=2).normalize(
        {
            "exchange": "binance",
            "symbol": "BTCUSDT",
            "bids": [["99.0", "1"], ["100.0", "2"], ["98", "0.000"], ["97.5", "3"]],
            "asks": [["102", "1"], ["101.123456789", "2"]],
            "timestamp": 1721347022504,
        }
    )
    assert normalized == {
        "exchange": "binance",
        "symbol": "BTCUSDT",
        "bids": [[100.0, 2.0], [99.0, 1.0]],
        "asks": [[101.12345679, 2.0], [102.0, 1.0]],
        "timestamp": 1721347022.504,
    }
