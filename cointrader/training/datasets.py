"""Datasets kept by their hash, so that the row numbers of a session mean the same for ever.

A dataset is a folder `datasets/<sha256>/` of plain .npy files and one record that lists the SHA-256 of each;
the folder's name is the hash of that record. It appears under its name only when it is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.array_files import array_bytes, json_bytes, read_array
from models.base import Dataset
from models.validation.folds import Split
from storage.durable_file import sync_folder, write_file_atomically
from storage.errors import StorageError
from storage.sessions import record_dataset, record_split
from storage.workspace import Workspace

RECORD = "dataset.json"
OWN_ARRAYS = ("label", "t0_ms", "t1_ms", "symbol")


class DatasetDamaged(StorageError):
    """A stored dataset is gone or not what it was; the session that pinned it cannot go on."""


def store_dataset(workspace: Workspace, connection: sqlite3.Connection, dataset: Dataset) -> int:
    """Write a dataset (once: equal bytes share a folder) and return its id in the database.

    A folder that was damaged since is written anew, and heals every session that pinned it.
    """
    files = {f"{name}.npy": array_bytes(array) for name, array in _arrays(dataset).items()}
    record = json_bytes(_record(dataset, files))
    digest = hashlib.sha256(record).hexdigest()
    folder = workspace.datasets / digest
    if not _is_whole(folder, files | {RECORD: record}):
        _write_folder(folder, files | {RECORD: record})
    return record_dataset(
        connection,
        agent=dataset.agent,
        sha256=digest,
        path=folder.relative_to(workspace.root).as_posix(),
        rows=dataset.rows,
        description=json.dumps(_words(dataset), sort_keys=True),
        provenance=dataset.provenance,
    )


def store_split(connection: sqlite3.Connection, dataset_id: int, split: Split) -> int:
    """Keep which rows were trained on and tested on, by hash; returns its id."""
    return record_split(
        connection,
        dataset_id=dataset_id,
        sha256=split.sha256,
        kind=split.kind,
        params_json=split.parameters_json(),
        folds_json=split.folds_json(),
    )


def load_dataset(workspace: Workspace, connection: sqlite3.Connection, dataset_id: int) -> Dataset:
    """A stored dataset with every byte checked; raises DatasetDamaged."""
    rows = connection.execute("SELECT path, sha256 FROM dataset WHERE id = ?", (dataset_id,)).fetchall()
    if not rows:
        raise DatasetDamaged(f"there is no dataset {dataset_id}")
    folder, digest = workspace.root / rows[0][0], rows[0][1]
    record = json.loads(_read(folder / RECORD, digest))
    files = {name: _read(folder / name, sha256) for name, sha256 in record["files"].items()}
    arrays = {name.removesuffix(".npy"): read_array(files, name) for name in files}
    return Dataset(
        agent=record["agent"],
        arrays={name: array for name, array in arrays.items() if name not in OWN_ARRAYS},
        label=arrays["label"],
        t0_ms=arrays["t0_ms"],
        t1_ms=arrays["t1_ms"],
        symbol=arrays["symbol"],
        symbols=tuple(record["symbols"]),
        feature_names=tuple(record["features"]),
        label_order=tuple(record["labels"]),
        horizon_bars=int(record["horizon_bars"]),
        provenance=record["provenance"],
        description=record["description"],
        constants=dict(record["constants"]),
    )


def _arrays(dataset: Dataset) -> dict[str, Any]:
    own = {name: getattr(dataset, name) for name in OWN_ARRAYS}
    return {**dataset.arrays, **own}


def _words(dataset: Dataset) -> dict[str, Any]:
    return {
        "agent": dataset.agent,
        "description": dataset.description,
        "symbols": list(dataset.symbols),
        "features": list(dataset.feature_names),
        "labels": list(dataset.label_order),
        "horizon_bars": dataset.horizon_bars,
        "first_ms": int(dataset.t0_ms[0]),
        "last_ms": int(dataset.t1_ms.max()),
        "rows": dataset.rows,
    }


def _record(dataset: Dataset, files: Mapping[str, bytes]) -> dict[str, Any]:
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    rest = {"provenance": dataset.provenance, "constants": dict(dataset.constants), "files": digests}
    return _words(dataset) | rest


def _is_whole(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Whether the folder holds these files; one that does not is put out of the way."""
    if not folder.is_dir():
        return False
    try:
        if all((folder / name).read_bytes() == content for name, content in files.items()):
            return True
    except OSError:
        pass  # a file that is gone or cannot be read is written anew like one that was changed
    damaged = folder.with_name(f".damaged-{uuid.uuid4().hex}")
    os.rename(folder, damaged)
    shutil.rmtree(damaged, ignore_errors=True)
    return False


def _write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    staging = folder.with_name(f".incoming-{uuid.uuid4().hex}")
    try:
        staging.mkdir(parents=True)
        for name, content in files.items():
            write_file_atomically(staging / name, content)
        try:
            os.rename(staging, folder)
        except OSError:
            # Another session stored the same bytes in the meantime; its folder is as good.
            if not folder.is_dir():
                raise
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _read(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DatasetDamaged(f"{path}: cannot be read: {error.strerror}; train anew") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DatasetDamaged(f"{path}: its SHA-256 is not the one that was recorded; train anew")
    return content
