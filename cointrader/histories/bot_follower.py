"""Follows the files of a bot: every row once, whatever is restarted or rotated in between.

Each stretch of a file is one transaction: its rows, what follows from them, and how far the file is read.
Two readers at once cannot take the same stretch, as each looks up the state inside its transaction.
"""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass, replace
from datetime import tzinfo
from pathlib import Path

from cointrader.data_feeds.tail import Chunk, TailedFile, consumed, next_chunk, open_series, opened
from cointrader.histories.bot_positions import keep_positions
from cointrader.histories.bot_results import set_results_right
from cointrader.histories.bot_rows import NewRows, equal_trades, store_rows
from cointrader.interop.cointrader2.folder import BotFile, BotFileKind, bot_files
from cointrader.interop.cointrader2.log_line import LogClock
from cointrader.interop.cointrader2.logs import read_log
from cointrader.interop.cointrader2.performance_json import HalfWritten, read_performance
from cointrader.interop.cointrader2.records import Reading
from cointrader.interop.cointrader2.results_csv import REGIME_PNL, STRATEGY_PNL, read_results
from cointrader.interop.cointrader2.snapshots import LARGEST_BYTES, read_snapshot
from cointrader.interop.cointrader2.trades_csv import read_trades
from cointrader.settings import Settings
from storage.clock import now_ms
from storage.database import transaction
from storage.quarantine import add_to_quarantine
from storage.source_files import DONE, SourceFileRow, save_source_file, source_file_at


@dataclass
class FollowReport:
    """What one look at the files brought. `half_written` are to be looked at again soon."""

    files: int = 0
    lines: int = 0
    rows: int = 0
    refused: int = 0
    half_written: tuple[str, ...] = ()


class BotFollower:
    """Reads on in the files of one bot. `zone` is that of its logs, None the zone of this machine.

    Reads only; nothing is opened for writing anywhere under the folder.
    """

    def __init__(
        self, connection: sqlite3.Connection, settings: Settings, zone: tzinfo | None = None
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._clock = LogClock(zone)
        self._unchanged: dict[Path, tuple[int, int, int]] = {}

    def look(self, folder: Path) -> FollowReport:
        """Takes in what the bot has written since the last look. Raises DatabaseLocked, DiskFull."""
        report = FollowReport()
        for file in bot_files(folder):
            self.take(file, report)
        return report

    def take(self, file: BotFile, report: FollowReport, name: str | None = None) -> None:
        """Takes in what is new in one file; `name` is what it is known by, its path unless said otherwise."""
        known_by = name or str(file.path)
        shape = _shape(file.path)
        if shape is not None and self._unchanged.get(file.path) == shape:
            return
        report.files += 1
        if file.kind.grows:
            with open_series(file.path, known_by, file.kind.value) as parts:
                for part in parts:
                    self._drain(part, file.kind, report)
        elif not self._whole(file, known_by, report):
            report.half_written += (known_by,)
            return
        if shape is not None:
            # As it was before it was read: what came meanwhile is seen at the next look.
            self._unchanged[file.path] = shape

    # -- files that grow ------------------------------------------------------------------------

    def _drain(self, part: TailedFile, kind: BotFileKind, report: FollowReport) -> None:
        # A look without a lock first: most looks find nothing.
        while next_chunk(self._connection, part) is not None:
            with transaction(self._connection):
                chunk = next_chunk(self._connection, part)
                if chunk is None:
                    return
                chunk = opened(self._connection, chunk)
                reading = self._read(kind, chunk)
                new = self._keep(chunk.after.id, part.name, kind, reading)
                add_to_quarantine(self._connection, Path(part.name).name, "", reading.refused)
                consumed(self._connection, chunk, rows=new.count, refused=len(reading.refused))
            report.lines += len(chunk.lines)
            report.rows += new.count
            report.refused += len(reading.refused)

    def _read(self, kind: BotFileKind, chunk: Chunk) -> Reading:
        if kind is BotFileKind.LOG:
            return read_log(chunk.lines, self._clock)
        if kind is BotFileKind.TRADES:
            source = chunk.after.id
            return read_trades(chunk.lines, lambda base: equal_trades(self._connection, source, base))
        source_name = STRATEGY_PNL if kind is BotFileKind.STRATEGY_PNL else REGIME_PNL
        return read_results(source_name, chunk.first_line, chunk.lines)

    # -- files that are written anew ------------------------------------------------------------

    def _whole(self, file: BotFile, name: str, report: FollowReport) -> bool:
        """Takes in a whole file; False when only half of it was there, so that the last good state stays."""
        try:
            content, changed_ns = file.path.read_bytes(), file.path.stat().st_mtime_ns
        except FileNotFoundError:
            return False
        if len(content) > LARGEST_BYTES and file.kind is BotFileKind.SNAPSHOT:
            return True
        digest = hashlib.sha256(content).hexdigest()
        try:
            if file.kind is BotFileKind.PERFORMANCE:
                reading = read_performance(content)
            else:
                reading = read_snapshot(file.path.name, content, changed_ns)
        except HalfWritten:
            return False
        with transaction(self._connection):
            before = source_file_at(self._connection, name)
            if before is not None and before.sha256 == digest:
                return True
            row = self._whole_row(file, name, before, digest, len(content))
            row = replace(row, id=save_source_file(self._connection, row))
            new = self._keep(row.id, name, file.kind, reading)
            refused = len(reading.refused)
            row = replace(row, rows=row.rows + new.count, refused=refused, quarantined=refused)
            save_source_file(self._connection, row)
        report.rows += new.count
        report.refused += len(reading.refused)
        return True

    def _whole_row(
        self, file: BotFile, name: str, before: SourceFileRow | None, digest: str, size: int
    ) -> SourceFileRow:
        now = now_ms()
        row = before or SourceFileRow(0, name, file.kind.value, DONE, now, now)
        return replace(row, sha256=digest, size=size, offset=size, updated_ms=now)

    # -- what follows from rows -----------------------------------------------------------------

    def _keep(self, source_id: int, name: str, kind: BotFileKind, reading: Reading) -> NewRows:
        new = store_rows(self._connection, source_id, reading.rows)
        if new.results_from_ms is not None and new.results_to_ms is not None:
            set_results_right(self._connection, new.results_from_ms, new.results_to_ms)
        if new.trades and kind is BotFileKind.TRADES:
            keep_positions(self._connection, name, self._settings)
        elif new.results and kind is BotFileKind.STRATEGY_PNL:
            keep_positions(self._connection, str(Path(name).with_name("trades.csv")), self._settings)
        return new


def _shape(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is written to or replaced; None while there is none of that name."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
