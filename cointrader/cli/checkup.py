"""The checks of `cointrader doctor`, each on its own: a bad finding does not hide the others."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum

from cointrader.settings import SettingsError, load_settings
from storage.errors import StorageError
from storage.workspace import Workspace, resolve_workspace

DISTRIBUTION = "cointrader-console"
LITTLE_DISK_BYTES = 2_000_000_000
LARGE_WAL_BYTES = 64_000_000


class Severity(StrEnum):
    """How bad a finding is."""

    WELL = "ok"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True)
class Check:
    """One finding, in words for the operator."""

    name: str
    severity: Severity
    text: str


def examine(workspace_option: str | None, *, deep: bool = False) -> list[Check]:
    """Every check, in the order in which one would look."""
    workspace = resolve_workspace(workspace_option)
    return [
        *_program(),
        *_workspace(workspace),
        *_configuration(workspace),
        *_database(workspace, deep=deep),
        *_disk(workspace),
        *_device(),
        *_keyring(),
    ]


def _well(name: str, text: str) -> Check:
    return Check(name, Severity.WELL, text)


def _note(name: str, text: str) -> Check:
    return Check(name, Severity.NOTE, text)


def _bad(name: str, text: str) -> Check:
    return Check(name, Severity.BAD, text)


def _program() -> Iterator[Check]:
    """Versions of what runs here; a package that is required and missing is bad."""
    from cointrader import __version__

    yield _well("program", f"coinTrader Console {__version__}, {__file__.rpartition('/cointrader/')[0]}")
    yield _well("python", f"{platform.python_version()} at {sys.executable}, SQLite {sqlite3.sqlite_version}")
    try:
        required = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        yield _note("packages", f"{DISTRIBUTION} is not installed as a package: versions are unknown")
        return
    names = [line.split(";")[0].strip() for line in required if "extra ==" not in line]
    found, missing = [], []
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    yield _well("packages", ", ".join(found))
    if missing:
        yield _bad("packages", f"missing: {', '.join(missing)}; install again with `make venv`")


def _workspace(workspace: Workspace) -> Iterator[Check]:
    root = workspace.root
    if not root.exists():
        yield _note("workspace", f"{root} does not exist yet; the first start makes it")
        return
    if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
        yield _bad("workspace", f"{root} may not be read and written by this user")
        return
    yield _well("workspace", str(root))


def _configuration(workspace: Workspace) -> Iterator[Check]:
    try:
        load_settings(workspace.config)
    except SettingsError as error:
        yield _bad("configuration", str(error))
        return
    there = workspace.config.exists()
    yield _well("configuration", str(workspace.config) if there else "no config.toml: all defaults")


def _database(workspace: Workspace, *, deep: bool) -> Iterator[Check]:
    """Version, write-ahead log, integrity, workers and jobs; an old version is left as it is."""
    from storage.database import SCHEMA_VERSION, connect, schema_version

    if not workspace.database.exists():
        yield _note("database", "none yet")
        return
    try:
        version = schema_version(workspace.database)
        with closing(connect(workspace.database, readonly=True)) as connection:
            if version != SCHEMA_VERSION:
                yield _note("database", f"schema {version}; the next start brings it to {SCHEMA_VERSION}")
                return
            yield _well("database", f"schema {version}, {workspace.database.stat().st_size:,} bytes")
            yield from _integrity(connection, deep=deep)
            yield from _write_ahead_log(workspace)
            yield from _workers(connection)
    except StorageError as error:
        yield _bad("database", str(error))
    except sqlite3.Error as error:
        yield _bad("database", f"{workspace.database}: {error}")


def _integrity(connection: sqlite3.Connection, *, deep: bool) -> Iterator[Check]:
    if not deep:
        return
    answers = [str(row[0]) for row in connection.execute("PRAGMA integrity_check").fetchall()]
    if answers == ["ok"]:
        yield _well("integrity", "SQLite has read every page and found nothing wrong")
    else:
        yield _bad("integrity", "; ".join(answers[:5]))


def _write_ahead_log(workspace: Workspace) -> Iterator[Check]:
    log = workspace.database.with_name(workspace.database.name + "-wal")
    size = log.stat().st_size if log.exists() else 0
    if size > LARGE_WAL_BYTES:
        yield _note("log of writes", f"{size:,} bytes wait to be folded in; is a reader holding them back?")
    else:
        yield _well("log of writes", f"{size:,} bytes")


def _workers(connection: sqlite3.Connection) -> Iterator[Check]:
    from cointrader.jobs.ensure import living_workers
    from storage import jobs as queue

    waiting = len(queue.list_jobs(connection, states=queue.CLAIMABLE))
    living = living_workers(connection)
    if living:
        told = ", ".join(f"process {worker.pid} on {worker.host} ({worker.condition})" for worker in living)
        yield _well("worker", told)
    elif waiting:
        yield _note("worker", f"none is alive and {waiting} job(s) wait: `cointrader worker --ensure`")
    else:
        yield _well("worker", "none is alive, and no job waits")
    failed = [job for job in queue.list_jobs(connection, limit=20) if job.state == queue.FAILED]
    if failed:
        yield _note("jobs", f"job {failed[0].id} ({failed[0].title}) failed: {failed[0].error}")


def _disk(workspace: Workspace) -> Iterator[Check]:
    root = workspace.root
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    text = f"{free / 1e9:.1f} GB free"
    yield _note("disk", f"only {text}") if free < LITTLE_DISK_BYTES else _well("disk", text)


def _device() -> Iterator[Check]:
    try:
        from models.device import probe_device

        device = probe_device()
    except (ImportError, OSError) as error:
        yield _bad("device", f"torch cannot be loaded: {error}")
        return
    yield _well("device", f"{device.label} ({device.note}; {device.capability})")


def _keyring() -> Iterator[Check]:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError as error:
        yield _bad("keyring", f"cannot be loaded: {error}")
        return
    try:
        backend = keyring.get_keyring()
    except KeyringError as error:
        yield _note("keyring", f"no backend: {error}; secrets will be asked for")
        return
    name = f"{type(backend).__module__}.{type(backend).__name__}"
    if backend.priority < 1:
        yield _note("keyring", f"no usable backend ({name}); nothing needs one yet")
    else:
        yield _well("keyring", name)
