"""Indicators of prices and the signals they give: one rule, price by price and over arrays."""

import random

import numpy as np
import pytest

from cointrader.data_feeds.cache.db_connector import DBConnector
from cointrader.data_feeds.indicators import Indicators, IndicatorStream, SignalGenerator, indicator_records
from cointrader.data_feeds.realtime import LocalChannels, RealtimePublisher, RealtimeSubscriber
from models.candle_series import PlainCandles
from models.signal_quality.rule import signals_of
from storage.workspace import Workspace


def test_the_index_is_wilders() -> None:
    # Wilder's own example of 1978, the first values of his table.
    closes = [
        *(44.34, 44.09, 44.15, 43.61, 44.33, 44.83, 45.10, 45.42),
        *(45.84, 46.08, 45.89, 46.03, 45.61, 46.28, 46.28),
    ]
    assert Indicators().calculate_rsi(closes) == pytest.approx(70.46, abs=0.01)
    assert Indicators().calculate_rsi([*closes, 46.00]) == pytest.approx(66.25, abs=0.01)


def test_without_losses_the_index_is_a_hundred_and_without_history_there_is_none() -> None:
    rising = [float(n) for n in range(1, 17)]
    assert Indicators().calculate_rsi(rising) == 100.0
    assert Indicators().calculate_rsi([5.0] * 20) == 50.0
    assert Indicators().calculate_rsi(rising[:14]) == 0.0
    data = {"symbol": "A", "price": 3.0, "volume": 1.0, "timestamp": 1.5e9}
    early = Indicators().process_indicators(data, [1.0, 2.0], [1.0, 1.0])
    assert early["rsi"] is None and early["vwap"] == 2.0
    assert SignalGenerator().generate_signal(early)["signal_type"] == "hold"


def test_the_average_is_weighed_by_volume() -> None:
    assert Indicators().calculate_vwap([10.0, 20.0], [1.0, 3.0]) == 17.5
    assert Indicators().calculate_vwap([10.0, 20.0], [0.0, 0.0]) == 20.0


@pytest.mark.parametrize(
    ("rsi", "price", "vwap", "signal", "strength"),
    [
        (85.0, 101.0, 100.0, "sell", 0.5),
        (15.0, 99.0, 100.0, "buy", 0.5),
        (85.0, 99.0, 100.0, "hold", 0.5),
        (15.0, 101.0, 100.0, "hold", 0.5),
        (70.0, 101.0, 100.0, "hold", 0.5),
        (100.0, 101.0, 100.0, "sell", 1.0),
        (0.0, 99.0, 100.0, "buy", 1.0),
    ],
)
def test_the_rule(rsi: float, price: float, vwap: float, signal: str, strength: float) -> None:
    made = SignalGenerator().generate_signal(
        {"symbol": "A", "price": price, "timestamp": 1.5e9, "rsi": rsi, "vwap": vwap}
    )
    assert (made["signal_type"], made["strength"]) == (signal, strength)


def test_price_by_price_and_as_an_array_the_signals_are_the_same() -> None:
    draw, price, prices = random.Random(5), 100.0, []
    for _ in range(600):
        price *= 1 + draw.gauss(0, 0.01)
        prices.append(price)
    close = np.array(prices)
    volume = np.array([draw.uniform(0.1, 5.0) for _ in prices])
    times = 1_500_000_000_000 + np.arange(len(prices)) * 60_000
    side, strength = signals_of(PlainCandles("A", 60_000, times, close, close, close, close, volume))
    stream, generator = IndicatorStream(), SignalGenerator()
    one_by_one = []
    for p, v in zip(prices, volume.tolist(), strict=True):
        data = {"symbol": "A", "price": p, "volume": v, "timestamp": 1.5e9}
        one_by_one.append(generator.generate_signal(stream.update(data)))
    words = {1: "buy", -1: "sell", 0: "hold"}
    assert [each["signal_type"] for each in one_by_one] == [words[int(each)] for each in side]
    assert {"buy", "sell"} <= {each["signal_type"] for each in one_by_one}
    strong = [each["strength"] for each in one_by_one if each["signal_type"] != "hold"]
    assert strong == pytest.approx(strength[side != 0].tolist(), rel=1e-9)


def test_the_stream_gives_what_the_whole_history_gives() -> None:
    prices, volumes = [10.0 + (n * 7 % 5) for n in range(40)], [1.0 + n % 3 for n in range(40)]
    stream, made = IndicatorStream(), {}
    for price, volume in zip(prices, volumes, strict=True):
        made = stream.update({"symbol": "A", "price": price, "volume": volume, "timestamp": 1.5e9})
    last = {"symbol": "A", "price": prices[-1], "volume": volumes[-1], "timestamp": 1.5e9}
    whole = Indicators().process_indicators(last, prices[:-1], volumes[:-1])
    assert made["rsi"] == pytest.approx(whole["rsi"]) and made["vwap"] == pytest.approx(whole["vwap"])
    assert [each["indicator"] for each in indicator_records(made)] == ["rsi", "vwap"]


def test_a_signal_is_kept_and_published(workspace: Workspace) -> None:
    channels, heard = LocalChannels(), []
    RealtimeSubscriber(channels=channels).subscribe("trading_signal", lambda *message: heard.append(message))
    with DBConnector(workspace=workspace) as db:
        generator = SignalGenerator(RealtimePublisher(channels=channels), db)
        made = generator.process_and_publish(
            {"symbol": "BTCUSDT", "price": 101.0, "timestamp": 1.5e9, "rsi": 85.0, "vwap": 100.0}
        )
        assert heard == [("trading_signal", made)]
        assert db.backfill("trading_signal:BTC*")[0]["strength"] == 0.5


def test_the_other_indicators_a_strategy_needs() -> None:
    indicators = Indicators()
    prices = [float(n) for n in range(1, 41)]
    assert indicators.calculate_roc(prices, 5) == pytest.approx(100 * (40 / 35 - 1))
    assert indicators.calculate_ema([7.0] * 10) == 7.0
    lower, middle, upper = indicators.calculate_bollinger(prices)
    assert lower < middle < upper and middle == pytest.approx(30.5)
    assert indicators.calculate_atr([2.0] * 20, [1.0] * 20, [1.5] * 20) == pytest.approx(1.0)
