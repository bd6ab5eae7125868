"""Whatever bars are written, in whatever dialect, unit and order: the same bars are read."""

import random
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cointrader.data_feeds.candle_import import read_candle_file

START_S = 1_500_000_000 // 604_800 * 604_800
TIMEFRAMES_S = {"1m": 60, "5m": 300, "1h": 3_600, "1d": 86_400}
UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}

price = st.floats(1e-8, 1e7, allow_nan=False, allow_infinity=False)
values = st.tuples(price, price, price, price, st.floats(0, 1e12, allow_nan=False)).map(
    lambda drawn: (drawn[0], max(drawn[:4]), min(drawn[:4]), drawn[3], drawn[4])
)


@dataclass(frozen=True)
class Written:
    """Bars (open second, open, high, low, close, volume) and how they are written down."""

    bars: list[tuple[int, tuple[float, ...]]]
    timeframe: str
    layout: str
    time: str
    order: int


@st.composite
def files(draw: st.DrawFn) -> Written:
    """A series of which most steps are one timeframe, in any layout that can hold it."""
    timeframe = draw(st.sampled_from(sorted(TIMEFRAMES_S)))
    rows = draw(st.lists(values, min_size=12, max_size=40))
    gaps = draw(st.lists(st.integers(1, 50), min_size=0, max_size=4))
    steps = [1] * (len(rows) - len(gaps)) + [1 + gap for gap in gaps]
    draw(st.randoms(use_true_random=False)).shuffle(steps)
    numbers = np.cumsum(steps).tolist()
    bars = [
        (START_S + number * TIMEFRAMES_S[timeframe], row) for number, row in zip(numbers, rows, strict=True)
    ]
    layout = draw(st.sampled_from(["header", "csv7", "ohlcv", "bitfinex"]))
    times = [*UNITS, "iso", "zoned"]
    return Written(bars, timeframe, layout, draw(st.sampled_from(times)), draw(st.integers(0, 2)))


def text_of(written: Written) -> str:
    lines = [_line(written, second, row) for second, row in written.bars]
    if written.order == 1:
        lines.reverse()
    if written.order == 2:
        random.Random(len(lines)).shuffle(lines)
    header = ["date,open,high,low,close,volume"] if written.layout == "header" else []
    return "\n".join([*header, *lines]) + "\n"


def _line(written: Written, second: int, row: tuple[float, ...]) -> str:
    opened, high, low, close, volume = row
    prices = (opened, close, high, low) if written.layout == "bitfinex" else (opened, high, low, close)
    if written.time in UNITS:
        time = str(second * UNITS[written.time])
    else:
        time = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")
        time += "+00:00" if written.time == "zoned" else ""
    fields = [time, *(repr(value) for value in (*prices, volume))]
    return ",".join([*fields, "3"] if written.layout == "csv7" else fields)


@settings(max_examples=60, deadline=None)
@given(files())
def test_what_is_written_is_read(written: Written) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "BTCUSDT.csv"
        path.write_text(text_of(written))
        candles = read_candle_file(path, timeframe=written.timeframe).candles
    timeframe_ms = TIMEFRAMES_S[written.timeframe] * 1_000
    assert candles.close_ms.tolist() == [second * 1_000 + timeframe_ms for second, _ in written.bars]
    assert list(zip(*(column.tolist() for column in candles.columns.values()), strict=True)) == [
        row for _, row in written.bars
    ]
