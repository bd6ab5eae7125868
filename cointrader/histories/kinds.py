"""Trade histories of other bots as kinds of files: recognised by their first bytes, kept as positions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cointrader.histories.store import StoredHistory, store_history, symbol_of
from cointrader.interop.file_kind import FileKind, FileRefused, LoadContext, LoadReport, Recognition
from cointrader.interop.freqtrade.backtest import is_freqtrade_backtest, read_freqtrade_backtest
from cointrader.interop.freqtrade.database import is_freqtrade_database, read_freqtrade_database
from cointrader.interop.hummingbot import is_hummingbot, read_hummingbot
from cointrader.interop.jesse import is_jesse, read_jesse
from cointrader.interop.trade_history import TradeHistory
from cointrader.settings import load_settings
from storage.database import transaction
from storage.events import record_event
from storage.quarantine import quarantine

Read = Callable[[Path, str], TradeHistory]


def _kind(name: str, recognises: Callable[[bytes], bool], why: str, read: Read) -> FileKind:
    def recognise(head: bytes, file_name: str) -> Recognition | None:
        return Recognition(name, why) if recognises(head) else None

    def load(path: Path, context: LoadContext) -> LoadReport:
        return load_history(read, path, context)

    return FileKind(name, recognise, load)


def load_history(read: Read, path: Path, context: LoadContext) -> LoadReport:
    """Reads a history and keeps it in one transaction. Raises FileRefused when it has no usable trade."""
    context.progress(0, 2, f"{path.name}: reading trades")
    history = read(path, context.name)
    if not history.trades:
        if history.refused:
            first = history.refused[0]
            raise FileRefused(context.name, first.line, first.field, first.reason, refused=history.refused)
        raise FileRefused(context.name, 0, "trades", "there is not one trade in it")
    context.progress(1, 2, f"{path.name}: {len(history.trades):,} trades")
    settings = load_settings(context.workspace.config)
    with transaction(context.connection) as connection:
        stored = store_history(connection, history, source=context.name, settings=settings.reward)
        quarantined = quarantine(connection, path.name, "", history.refused)
        text = _text(path.name, history, stored)
        record_event(
            connection, "import", text, subject=path.name,
            data={"run_id": stored.run_id, "rows": history.rows, "refused": len(history.refused)},
        )  # fmt: skip
    context.progress(2, 2, text)
    pairs = {trade.pair for trade in history.trades}
    return LoadReport(
        kind=context.recognition.kind,
        rows=history.rows,
        text=text,
        symbol=symbol_of(next(iter(pairs))) if len(pairs) == 1 else "",
        refused=len(history.refused),
        quarantined=quarantined,
        refused_rows=history.refused,
        notes=_notes(history, stored),
        details={
            "run_id": stored.run_id,
            "open": stored.open,
            "closed": stored.closed,
            "added": stored.added,
            "changed": stored.changed,
            "pnl": stored.pnl,
        },
    )


def _text(name: str, history: TradeHistory, stored: StoredHistory) -> str:
    text = (
        f"{name}: {history.rows:,} rows of {history.program}, "
        f"{stored.closed:,} closed and {stored.open:,} open positions, net {stored.pnl:+,.4f}"
    )
    if stored.added != len(history.trades):
        text += f" ({stored.added:,} new, {stored.changed:,} gone on since the last time)"
    return text


def _notes(history: TradeHistory, stored: StoredHistory) -> tuple[str, ...]:
    if not stored.account.is_assumed:
        return history.notes
    assumed = (
        f"the file does not say how large the account was; returns count on {stored.account.start:,.2f}, "
        f"the most that was in the market at once"
    )
    return (*history.notes, assumed)


def _is_zipped_backtest(head: bytes) -> bool:
    """Whether an archive is that of a backtest: freqtrade names its members after the export."""
    return head.startswith(b"PK\x03\x04") and b"backtest-result" in head[:256]


def is_backtest(head: bytes) -> bool:
    """Whether a file is an export of a backtest, plain or zipped."""
    return is_freqtrade_backtest(head) or _is_zipped_backtest(head)


KINDS = (
    _kind(
        "trades.freqtrade_sqlite", is_freqtrade_database,
        "it is a SQLite database with freqtrade's tables", read_freqtrade_database,
    ),
    _kind(
        "trades.freqtrade_backtest", is_backtest,
        "it has the results of strategies with their trades, as freqtrade exports them",
        read_freqtrade_backtest,
    ),
    _kind("trades.hummingbot", is_hummingbot, "its header is that of Hummingbot's trades", read_hummingbot),
    _kind("trades.jesse", is_jesse, "its header is that of Jesse's closed trades", read_jesse),
)  # fmt: skip
