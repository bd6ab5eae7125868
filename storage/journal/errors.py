"""What can go wrong with the journal of a session; every text is written for the operator."""

from __future__ import annotations

from pathlib import PurePosixPath

from storage.errors import StorageError


class JournalError(StorageError):
    """A journal that cannot be gone on with: another network, a step out of turn, an array it cannot keep."""


class JournalMissing(StorageError):
    """What was asked for was never kept, or was given up for room; nothing is damaged."""


class JournalDamaged(StorageError):
    """A file of the journal is gone or does not have its recorded SHA-256; nothing of it was parsed."""

    def __init__(self, session_id: int, step: int, path: str, what: str) -> None:
        name = PurePosixPath(path).name
        super().__init__(
            f"session {session_id}, from step {step:,}: {name} {what}. "
            f"Steps that it held cannot be rebuilt; `cointrader verify` lists everything that is damaged."
        )
        self.session_id = session_id
        self.step = step
        self.file = name
