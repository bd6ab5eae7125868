"""The process that watches: the inbox, and the folder of the bot that the settings name.

`cointrader job-watch --workspace DIR --control FD` is started by the supervisor only, and ends with it. It
looks when the system says that something changed, and once a second in any case: some file systems say
nothing. Of several watchers of one workspace one works and the others wait for its end.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from cointrader.histories.bot_follower import BotFollower, FollowReport
from cointrader.histories.zone import zone_of
from cointrader.interop.cointrader2.folder import bot_folders
from cointrader.jobs.bot_candles import BotCandles
from cointrader.jobs.inbox import Inbox
from cointrader.jobs.journal import say
from cointrader.jobs.process_guard import ControlPipe, die_with_parent
from cointrader.settings import Settings, load_settings
from storage.database import open_database
from storage.errors import StorageError
from storage.workspace import Workspace

LOOK_MS = 1_000
DEBOUNCE_MS = 300
LOCK_SECONDS = 1.0


class Watcher:
    """Looks at the inbox and at the bot's folder."""

    def __init__(self, workspace: Workspace, connection: sqlite3.Connection, settings: Settings) -> None:
        self._bot = Path(settings.bot.folder).expanduser().resolve() if settings.bot.folder else None
        self._inbox_folder = workspace.inbox
        self._follower = BotFollower(connection, settings, zone_of(settings.bot.timezone))
        self._inbox = Inbox(workspace.inbox, connection, self._follower)
        pause_seconds = settings.bot.candle_minutes * 60.0
        self._candles = BotCandles(self._bot, connection, pause_seconds) if self._bot is not None else None
        self._trouble = ""

    @property
    def folders(self) -> list[Path]:
        """What to watch: the inbox and its folders, and those of the bot that exist now."""
        inside = [Path(root) for root, _, _ in os.walk(self._inbox_folder)]
        return [*inside, *(bot_folders(self._bot) if self._bot is not None else ())]

    def look(self) -> FollowReport:
        """One look at everything. Trouble with the database is told, and the next look tries again."""
        report = FollowReport()
        try:
            for job in self._inbox.look(report):
                say(f"job {job}: a file in the inbox is to be imported")
            if self._bot is not None:
                found = self._follower.look(self._bot)
                report.rows += found.rows
                report.refused += found.refused
            if self._candles is not None and (job := self._candles.look()):
                say(f"job {job}: candles of the bot are to be imported")
        except (StorageError, OSError) as error:
            self._tell_once(str(error))
        if report.rows or report.refused:
            say(f"{report.rows} new rows of the bot, {report.refused} refused")
        return report

    def _tell_once(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            say(trouble)


def main(arguments: Sequence[str]) -> int:
    """Watch until the supervisor says stop or ends."""
    die_with_parent()
    parser = argparse.ArgumentParser(prog="cointrader job-watch")
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--control", type=int, required=True)
    given = parser.parse_args(arguments)
    control = ControlPipe(given.control)
    control.watch()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    workspace = Workspace(Path(given.workspace))
    with closing(open_database(workspace)) as connection, _alone(workspace, control) as is_alone:
        if is_alone:
            watch(Watcher(workspace, connection, load_settings(workspace.config)), control)
    return 0


def watch(watcher: Watcher, control: ControlPipe) -> None:
    """Looks until asked to stop."""
    import watchfiles

    stop = threading.Event()
    while not control.stop_requested:
        watcher.look()
        folders = watcher.folders
        changes = watchfiles.watch(
            *folders, watch_filter=None, debounce=DEBOUNCE_MS, step=50, rust_timeout=LOOK_MS,
            yield_on_timeout=True, raise_interrupt=False, recursive=False, stop_event=stop,
        )  # fmt: skip
        for _ in changes:
            watcher.look()
            if control.stop_requested or watcher.folders != folders:
                break


@contextmanager
def _alone(workspace: Workspace, control: ControlPipe) -> Iterator[bool]:
    """Waits until no other watcher works here; False when this one was asked to stop before."""
    descriptor = os.open(workspace.logs / "watch.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not control.stop_requested:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(LOCK_SECONDS)
                continue
            yield True
            return
        yield False
    finally:
        os.close(descriptor)
