"""No code opens cointrader.db, its -wal or its -shm except through SQLite.

POSIX drops every lock of a process on a file when the process closes any descriptor of that file. A
plain open, read and close of the database therefore takes away the locks of SQLite's own connections,
and two writers can then destroy the write-ahead log.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.storage.database_files import Opening, openings, read_sources
from tests.storage.processes import PROGRAMS, REPOSITORY

PACKAGES = ("storage", "models", "cointrader", "tui")

# Asks the kernel who holds a lock. It is a program of its own and no module imports it: its process
# has no connection whose locks it could drop.
ALLOWED = "storage/lock_probe.py"

# Copies the databases of other programs, with their logs, before it opens the copies. The front door of
# imports refuses the workspace's own database under whatever name.
FOREIGN = "cointrader/interop/foreign_database.py"


# Reads a file through a function, as a planted violation may.
DIGESTS = """
def digest_of(path):
    return read(path)

def read(file):
    return file.read_bytes()
"""


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    """Every module of ours."""
    return read_sources(REPOSITORY, PACKAGES)


@pytest.fixture(scope="module")
def found(sources: dict[str, str]) -> list[Opening]:
    """What the checker finds in them."""
    return openings(sources)


def test_no_module_of_ours_opens_the_files_of_the_database(found: list[Opening]) -> None:
    forbidden = [opening for opening in found if opening.module not in (ALLOWED, FOREIGN)]
    assert not forbidden, "\n".join(map(str, forbidden))


def test_the_one_exception_is_seen_and_is_never_imported(
    sources: dict[str, str], found: list[Opening]
) -> None:
    assert any(opening.module == ALLOWED for opening in found), "the exception is not needed"
    importers = [name for name, source in sources.items() if "import lock_probe" in source]
    importers += [name for name, source in sources.items() if "storage.lock_probe" in source]
    assert importers == []


@pytest.mark.parametrize(
    "violation",
    [
        "open(workspace.database, 'rb').read()",
        "workspace.database.read_bytes()",
        "database.open('rb')",
        "os.open(str(workspace.database), os.O_RDONLY)",
        "shutil.copy(workspace.database, target)",
        "shutil.copyfile(src=workspace.database, dst=target)",
        "os.replace(backup, workspace.database)",
        "open(f'{workspace.database}-wal', 'rb')",
        "Path(str(workspace.database) + '-shm').read_bytes()",
        "open(root / 'cointrader.db')",
        "workspace.database.with_name('cointrader.db-wal').unlink()",
        "path = self.app.database; renamed = path.resolve(); renamed.read_text()",
        "for end in ('-wal', '-shm'): os.remove(str(target) + end)",
        "digest_of(workspace.database)",
        "digest_of(path=workspace.database)",
        "[digest_of(file) for file in (workspace.config, workspace.database)]",
    ],
)
def test_a_planted_violation_is_found(violation: str) -> None:
    planted = f"def planted(workspace, database, root, target):\n    {violation}\n"
    sources = {"digests.py": DIGESTS, "planted.py": planted}
    assert [opening.module for opening in openings(sources)] == ["planted.py"]


@pytest.mark.parametrize(
    "harmless",
    [
        "sqlite3.connect(workspace.database)",
        "connect(workspace.database, readonly=True).execute('SELECT 1')",
        "workspace.database.exists()",
        "workspace.database.stat().st_size",
        "open(workspace.config)",
        "(workspace.database.parent / 'console.json').read_text()",
        "digest_of(workspace.config)",
        "print(f'{workspace.database} is locked')",
    ],
)
def test_what_does_not_open_a_file_of_the_database_is_left_alone(harmless: str) -> None:
    sources = {"digests.py": DIGESTS, "harmless.py": f"def harmless(workspace):\n    {harmless}\n"}
    assert openings(sources) == []


def opened_past_sqlite(folder: Path, *arguments: str) -> list[str]:
    """What a process opened by itself, of the database's files, while it used all of storage."""
    done = subprocess.run(
        [sys.executable, str(PROGRAMS / "use_storage.py"), str(folder), *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
    )
    events: list[str] = json.loads(done.stdout)
    return events


def test_a_process_that_uses_all_of_storage_opens_none_of_the_files(tmp_path: Path) -> None:
    assert opened_past_sqlite(tmp_path) == []


def test_the_running_check_finds_a_planted_violation(tmp_path: Path) -> None:
    assert opened_past_sqlite(tmp_path, "plant") == ["open cointrader.db", "open cointrader.db-wal"]
