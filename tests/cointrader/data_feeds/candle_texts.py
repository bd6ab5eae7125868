"""Texts of synthetic candles, good ones, for tests to spoil."""

from __future__ import annotations

from pathlib import Path

FIXTURES = Path(__file__).parents[2] / "fixtures" / "candles"
START_MS = 1_704_067_200_000  # 2024-01-01 00:00 UTC
MINUTE_MS = 60_000


def bar(number: int, *, unit_ms: float = 1, time: object = None) -> str:
    """The line of one minute bar, in the order ts,open,high,low,close,volume."""
    price = 100 + number % 7
    moment = int((START_MS + number * MINUTE_MS) / unit_ms) if time is None else time
    return f"{moment},{price},{price + 2},{price - 1},{price + 1},{1 + number % 3}"


def bars(count: int, *, unit_ms: float = 1) -> list[str]:
    """The lines of minute bars without a gap."""
    return [bar(number, unit_ms=unit_ms) for number in range(count)]


def written(folder: Path, lines: list[str], name: str = "BTCUSDT_1m.csv", end: str = "\n") -> Path:
    """A file of these lines."""
    path = folder / name
    path.write_text("\n".join(lines) + end)
    return path


HEADER = "timestamp,open,high,low,close,volume"
