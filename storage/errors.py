"""What can go wrong with what is kept; every text is written for the operator."""

from __future__ import annotations


class StorageError(Exception):
    """The base of all errors of this package; the text says what was wrong, where, and what to do."""


class WorkspaceError(StorageError):
    """The workspace folder cannot be made or used."""


class DatabaseLocked(StorageError):
    """Another writer kept the database longer than the busy timeout; the text names it."""


class DatabaseTooNew(StorageError):
    """The database was written by a newer version of the program."""


class DatabaseDamaged(StorageError):
    """The file is not a database of ours, or SQLite finds its pages damaged."""


class MigrationFailed(StorageError):
    """The database could not be brought to this version; it is unchanged, and a backup stands beside it."""


class DiskFull(StorageError):
    """SQLite found no room; the transaction was rolled back and nothing of it is kept."""


class StaleAttempt(StorageError):
    """A writer of an earlier attempt of a job was refused, because a newer attempt has taken over."""


class ArtifactMissing(StorageError):
    """There is no such artefact; no prediction is made without one."""


class ArtifactDamaged(StorageError):
    """A file of an artefact does not have the SHA-256 that was recorded; nothing of it was parsed."""


class FilterError(StorageError):
    """A filter that cannot be understood.

    `position` and `length` mark the part of the text, counted in characters from 0.
    """

    def __init__(self, message: str, position: int, length: int) -> None:
        super().__init__(message)
        self.position = position
        self.length = length
