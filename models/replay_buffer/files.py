"""A replay buffer as one file of plain arrays: .npz, not compressed, no pickle in it."""

from __future__ import annotations

import dataclasses
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.candle_series import IntArray
from models.replay_buffer.columns import FACTS, Columns
from models.replay_buffer.errors import BadExperience, BufferRefused
from models.replay_buffer.priority_index import Rules

FORMAT = "replay_buffer/1"
INDEX = "index/"


@dataclass(frozen=True)
class Saved:
    """Everything that a buffer is; `cursor` is (capacity, row of the next experience)."""

    rules: Rules
    cursor: IntArray
    top: float
    columns: Columns
    index: dict[str, NDArray[Any]]


def write_buffer(path: Path, saved: Saved) -> None:
    """Write to a temporary name beside `path`, to the disk, then rename."""
    record = {"format": FORMAT, "top": saved.top, "rules": dataclasses.asdict(saved.rules)}
    arrays: dict[str, NDArray[Any]] = {
        "record": np.frombuffer(json.dumps(record, sort_keys=True).encode(), np.uint8),
        "cursor": saved.cursor,
        "states": saved.columns.states,
    }
    arrays |= {f"facts/{name}": saved.columns.facts[name] for name in FACTS.names or ()}
    arrays |= {INDEX + name: array for name, array in saved.index.items()}
    temporary = path.with_name(path.name + ".writing")
    try:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_buffer(path: Path) -> Saved:
    """What `write_buffer` wrote; raises BufferRefused."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        record = json.loads(arrays["record"].tobytes())
        if record["format"] != FORMAT:
            raise BufferRefused(f"{path.name}: format {record['format']!r}, expected {FORMAT!r}")
        states = arrays["states"]
        facts = np.zeros(len(states), FACTS)
        for name in FACTS.names or ():
            facts[name] = arrays[f"facts/{name}"]
        index = {name[len(INDEX) :]: array for name, array in arrays.items() if name.startswith(INDEX)}
        saved = Saved(
            Rules(**record["rules"]), arrays["cursor"], float(record["top"]), Columns(states, facts), index
        )
    except FileNotFoundError as error:
        raise BufferRefused(f"{path.name} does not exist") from error
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, BadExperience) as error:
        raise BufferRefused(f"{path.name}: not a saved replay buffer, or damaged: {error}") from error
    _check(path.name, saved)
    return saved


def _check(name: str, saved: Saved) -> None:
    states, cursor = saved.columns.states, saved.cursor
    fine = states.ndim == 3 and states.shape[1] == 2 and states.dtype == np.float32 and cursor.shape == (2,)
    if not fine or not len(states) <= cursor[0] or not 0 <= cursor[1] < cursor[0]:
        raise BufferRefused(f"{name}: its arrays do not fit together")
