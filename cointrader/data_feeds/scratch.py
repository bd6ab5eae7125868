"""A folder in the workspace for what is needed only while a file is imported."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.workspace import Workspace

_PREFIX = ".import-"
_STALE_SECONDS = 86_400


@contextmanager
def scratch_folder(workspace: Workspace) -> Iterator[Path]:
    """An empty folder that is gone afterwards; one that a crash left a day ago goes with it."""
    root = workspace.create().root
    for left in root.glob(f"{_PREFIX}*"):
        if time.time() - left.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=_PREFIX) as folder:
        yield Path(folder)
