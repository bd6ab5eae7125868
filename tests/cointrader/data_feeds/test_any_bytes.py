"""Whatever happens to a file on its way: it is read, or it is refused in words, and nothing else."""

import contextlib
import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cointrader.data_feeds.candle_import import CandleFileError, read_candle_file
from tests.cointrader.data_feeds.candle_texts import FIXTURES, HEADER, bars

GOOD = {
    "header.csv": (FIXTURES / "ETHUSDT_header.csv").read_bytes()[:3_000],
    "csv7.csv": (FIXTURES / "ETHUSDT_csv7.csv").read_bytes()[:3_000],
    "symbols.csv": "\n".join([f"{HEADER},symbol", *(f"{line},BTCUSDT" for line in bars(40))]).encode(),
    "5m.csv.gz": gzip.compress((FIXTURES / "ETHUSDT_header.csv").read_bytes()[:3_000]),
    "1h.feather": (FIXTURES / "BTC_USDT-1h.feather").read_bytes(),
}
change = st.tuples(st.integers(0, 10_000), st.integers(0, 40), st.binary(max_size=12))
line = st.one_of(
    st.sampled_from(
        [*bars(5), HEADER, "", " ", '"', ",,,,,", "nan,nan,nan,nan,nan,nan", "9" * 5_000 + ",1,2,1,1,1"]
    ),
    st.sampled_from(
        ["0001-01-01T00:00:00+23:59,1,2,1,1,1", "1e400,1,2,1,1,1", "-1,1,2,1,1,1", "1,2,3,4,5,6,7"]
    ),
    st.text(alphabet='0123456789.,:-+TZ"eE\t; nai', max_size=60),
)


def read_or_refuse(name: str, content: bytes) -> None:
    """Anything but candles or CandleFileError is raised on."""
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(CandleFileError):
        path = Path(folder) / f"BTCUSDT_{name}"
        path.write_bytes(content)
        reading = read_candle_file(path)
        assert reading.report.bars == len(reading.candles) > 0


@pytest.mark.parametrize("name", sorted(GOOD))
@settings(max_examples=60, deadline=None)
@given(changes=st.lists(change, min_size=1, max_size=3))
def test_a_file_with_bytes_changed_cut_or_added_never_ends_in_another_error(
    name: str, changes: list[tuple[int, int, bytes]]
) -> None:
    content = GOOD[name]
    for place, length, replacement in changes:
        start = place % (len(content) + 1)
        content = content[:start] + replacement + content[start + length :]
    read_or_refuse(name, content)


@settings(max_examples=150, deadline=None)
@given(st.lists(line, max_size=12), st.sampled_from(["\n", "\r\n", ""]))
def test_any_lines_never_end_in_another_error(lines: list[str], end: str) -> None:
    read_or_refuse("1m.csv", ("\n".join(lines) + end).encode())
