"""coinTrader2.0's files as kinds of files, for those who bring a copy instead of following the folder.

A file is known by its name and by how it begins; a part of a log that was rotated (bot.log.1) is a log.
"""

from __future__ import annotations

import re
from pathlib import Path

from cointrader.histories.bot_follower import BotFollower, FollowReport
from cointrader.histories.zone import zone_of
from cointrader.interop.cointrader2.folder import NAMES, BotFile, BotFileKind
from cointrader.interop.cointrader2.log_line import LogClock, read_line
from cointrader.interop.cointrader2.trades_csv import read_trades
from cointrader.interop.csv_table import header_of
from cointrader.interop.file_kind import FileKind, FileRefused, LoadContext, LoadReport, Recognition
from cointrader.settings import load_settings
from storage.source_files import source_file_at

_ROTATED = re.compile(r"\.[123]$")
_WHY = {
    BotFileKind.LOG: "its name and its lines are those of coinTrader2.0's logs",
    BotFileKind.TRADES: "its name and its first rows are those of coinTrader2.0's trades",
    BotFileKind.STRATEGY_PNL: "its header is that of coinTrader2.0's results by strategy",
    BotFileKind.REGIME_PNL: "its header is that of coinTrader2.0's results by regime",
    BotFileKind.PERFORMANCE: "its name is that of coinTrader2.0's results by regime and strategy",
    BotFileKind.SNAPSHOT: "its name is that of a state that coinTrader2.0 keeps",
}


def recognise_bot_file(head: bytes, name: str) -> Recognition | None:
    """Recognises the files that are read from a bot's folder."""
    kind = NAMES.get(_ROTATED.sub("", name))
    if kind is None or not _begins_like(kind, head):
        return None
    return Recognition(kind.value, _WHY[kind])


def _begins_like(kind: BotFileKind, head: bytes) -> bool:
    if not kind.grows:
        return head.lstrip()[:1] in (b"{", b"[")
    lines = head.decode("utf-8", "replace").splitlines()[:20]
    if kind is BotFileKind.LOG:
        clock = LogClock()
        return any(read_line(line, clock) is not None for line in lines)
    if kind is BotFileKind.TRADES:
        return bool(read_trades(list(enumerate(lines, start=1))).rows)
    needed = {"timestamp", "strategy", "pnl"} | ({"regime"} if kind is BotFileKind.REGIME_PNL else set())
    return set(header_of(head)) >= needed


def load_bot_file(path: Path, context: LoadContext) -> LoadReport:
    """Takes in what is new in a copy of a bot's file. Raises FileRefused for JSON that is not whole."""
    settings = load_settings(context.workspace.config)
    follower = BotFollower(
        context.connection, settings, zone_of(context.options.zone or settings.bot.timezone)
    )
    kind = BotFileKind(context.recognition.kind)
    report = FollowReport()
    follower.take(BotFile(path, kind), report, name=context.name)
    if report.half_written:
        raise FileRefused(context.name, 1, "file", "is not whole JSON")
    row = source_file_at(context.connection, context.name)
    text = f"{path.name}: {report.rows:,} new rows of coinTrader2.0, {report.refused:,} refused"
    return LoadReport(
        kind=kind.value,
        rows=row.rows if row is not None else report.rows,
        text=text,
        refused=report.refused,
        quarantined=report.refused,
        already_there=report.rows == 0 and report.refused == 0,
        details={"new": report.rows, "lines": report.lines},
        source_file_id=row.id if row is not None else 0,
    )


KINDS = (FileKind("bot", recognise_bot_file, load_bot_file, knows_its_own=True),)
