"""Files laid into the inbox become import jobs, once they have stopped growing; a bot's files are followed.

Which state of a file was queued is told by the jobs themselves: path, size and time of change stand in the
arguments. So a restart queues nothing twice, and a file that is laid there anew is imported anew.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from cointrader.histories.bot_follower import BotFollower, FollowReport
from cointrader.interop.cointrader2.folder import NAMES, BotFile
from storage import jobs as queue
from storage.database import transaction

SETTLED_SECONDS = 1.0
"""A file that has not changed for so long is taken to be whole."""

_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".download", "~", ".swp")


class Inbox:
    """The inbox of a workspace."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, follower: BotFollower) -> None:
        self._folder = folder
        self._connection = connection
        self._follower = follower
        self._queued: dict[Path, tuple[int, int]] = {}

    def look(self, report: FollowReport) -> list[int]:
        """Follows what a bot writes here and queues what is whole; returns the new jobs."""
        jobs = []
        for path in sorted(self._files()):
            kind = NAMES.get(path.name)
            if kind is not None:
                self._follower.take(BotFile(path, kind), report)
            elif not _is_older_part(path) and (job := self._queue(path)):
                jobs.append(job)
        return jobs

    def _files(self) -> Iterator[Path]:
        for root, folders, names in os.walk(self._folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                if not name.startswith(".") and not name.lower().endswith(_UNFINISHED):
                    yield Path(root, name)

    def _queue(self, path: Path) -> int:
        """The job for a whole file in a state that was not queued before; 0 for none."""
        try:
            status = path.stat()
        except FileNotFoundError:
            return 0
        shape = status.st_size, status.st_mtime_ns
        if self._queued.get(path) == shape or time.time_ns() - status.st_mtime_ns < SETTLED_SECONDS * 1e9:
            return 0
        arguments = {"path": str(path), "size": shape[0], "changed_ns": shape[1]}
        text = json.dumps(arguments, sort_keys=True)
        with transaction(self._connection):
            known = self._connection.execute(
                "SELECT id FROM job WHERE kind = 'import' AND arguments_json = ?", (text,)
            ).fetchall()
            job = 0
            if not known:
                title = f"inbox: {path.relative_to(self._folder)}"
                job = queue.enqueue(self._connection, kind="import", title=title, arguments=arguments)
        self._queued[path] = shape
        return job


def _is_older_part(path: Path) -> bool:
    """Whether a file is a part of a log that was rotated; it is read with the log."""
    return path.suffix in (".1", ".2", ".3") and path.stem in NAMES
