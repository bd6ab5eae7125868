"""The schema appears whole or not at all, once, and with a copy of what was there before."""

import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from storage.database import SCHEMA_VERSION, connect, open_database, transaction
from storage.errors import MigrationFailed
from storage.migrations.create import statements
from storage.migrations.migrate import migrate
from storage.migrations.newest import newest_schema
from storage.workspace import Workspace
from tests.storage.processes import kill, program, says, tell
from tests.storage.rows import add_run, add_signals

AHEAD = Path(__file__).parent / "migrations_ahead"
SIGNALS = 500
NEWEST = f"{SCHEMA_VERSION:04}"
LATER = f"{SCHEMA_VERSION + 1:04}"
# What earlier programs made, as they made it.
RELEASED = sorted((Path(__file__).parent / "released").glob("version_*.sql"))
# The last statement before the commit.
LAST = "PRAGMA user_version = "


def user_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def columns_of(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]


@pytest.fixture
def filled(workspace: Workspace, connection: sqlite3.Connection) -> Workspace:
    """A workspace at this version with rows in it, which nobody has open."""
    with transaction(connection):
        add_signals(connection, add_run(connection), SIGNALS)
    connection.close()
    return workspace


def test_a_fresh_workspace_gets_the_newest_version_and_no_backup(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    with closing(open_database(workspace)) as connection:
        assert user_version(connection) == SCHEMA_VERSION
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(NEWEST,)]
        assert connection.execute("SELECT id, value FROM revision").fetchall() == [(1, 0)]
    assert list(workspace.backups.iterdir()) == []


def test_a_new_database_is_what_all_migrations_together_give(workspace: Workspace, tmp_path: Path) -> None:
    migrated = tmp_path / "migrated.db"
    migrate(migrated, backups=tmp_path)
    with closing(connect(workspace.database)) as made, closing(connect(migrated)) as expected:
        again = "run: python -m storage.migrations.newest > storage/migrations/newest_schema.sql"
        assert contents(made) == contents(expected), again
    assert "".join(statements()).startswith(newest_schema())


def contents(connection: sqlite3.Connection) -> list[Any]:
    """The schema and the rows that a database has from its beginning."""
    tables = ("revision", "alembic_version")
    return [
        connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name").fetchall(),
        [connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables],
        user_version(connection),
    ]


def test_making_and_opening_a_database_loads_neither_sqlalchemy_nor_alembic(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from storage.workspace import Workspace\nfrom storage.database import open_database\n"
        f"for _ in range(2): open_database(Workspace(pathlib.Path({str(tmp_path)!r}))).close()\n"
        "print(sorted({'sqlalchemy', 'alembic', 'sqlmodel', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("words", ["CREATE TABLE instrument", "CREATE VIRTUAL TABLE position_text", LAST])
def test_a_kill_while_the_database_is_made_leaves_one_that_opens(tmp_path: Path, words: str) -> None:
    workspace = Workspace(tmp_path / "workspace").create()
    with program("open_and_stop", workspace.root, words) as opener:
        assert says(opener) == "begins"
        tell(opener, "go")
        assert says(opener) == "in the middle"
        kill(opener)
    with closing(connect(workspace.database)) as left:
        assert user_version(left) == 0
        assert left.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    with closing(open_database(workspace)) as connection:
        assert user_version(connection) == SCHEMA_VERSION
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


@pytest.mark.parametrize("words", ["INSERT INTO _alembic_tmp_signal", "DROP TABLE signal", LAST])
def test_a_kill_in_the_middle_of_a_later_migration_leaves_every_row_and_the_old_version(
    filled: Workspace, words: str
) -> None:
    with program("open_and_stop", filled.root, words, AHEAD) as opener:
        assert says(opener) == "begins"
        tell(opener, "go")
        assert says(opener) == "in the middle"
        kill(opener)
    with closing(open_database(filled)) as connection:
        assert user_version(connection) == SCHEMA_VERSION
        assert "note" not in columns_of(connection, "signal")
        assert connection.execute("SELECT count(*) FROM signal").fetchone()[0] == SIGNALS
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    migrate(filled.database, backups=filled.backups, versions=[AHEAD])
    with closing(connect(filled.database)) as connection:
        assert user_version(connection) == SCHEMA_VERSION + 1
        assert connection.execute("SELECT count(*), min(note) FROM signal").fetchone() == (SIGNALS, "")


@pytest.mark.parametrize("schema", RELEASED, ids=lambda path: path.stem)
def test_a_database_of_every_earlier_version_opens_with_all_of_its_rows(tmp_path: Path, schema: Path) -> None:
    workspace = Workspace(tmp_path / "workspace").create()
    version = int(schema.stem.removeprefix("version_"))
    assert version < SCHEMA_VERSION
    with closing(sqlite3.connect(workspace.database, isolation_level=None)) as old:
        old.executescript(schema.read_text(encoding="utf-8"))
        old.execute(f"PRAGMA user_version = {version}")
        with transaction(old):
            add_signals(old, add_run(old), SIGNALS)
    with closing(open_database(workspace)) as connection, closing(fresh(tmp_path)) as new:
        assert contents_but_revision(connection) == contents_but_revision(new)
        assert connection.execute("SELECT count(*) FROM signal").fetchone()[0] == SIGNALS
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    (backup,) = workspace.backups.iterdir()
    assert backup.name.startswith(f"cointrader-v{version}-")


def fresh(folder: Path) -> sqlite3.Connection:
    """A database that this program made new."""
    return open_database(Workspace(folder / "fresh"))


def contents_but_revision(connection: sqlite3.Connection) -> list[Any]:
    schema, (_, alembic_version), version = contents(connection)
    return [schema, alembic_version, version]


def test_a_backup_with_every_row_is_made_before_a_migration(filled: Workspace) -> None:
    migrate(filled.database, backups=filled.backups, versions=[AHEAD])
    (backup,) = filled.backups.iterdir()
    assert backup.name.startswith(f"cointrader-v{SCHEMA_VERSION}-") and backup.suffix == ".db"
    with closing(connect(backup)) as copy:
        assert user_version(copy) == SCHEMA_VERSION
        assert "note" not in columns_of(copy, "signal")
        assert copy.execute("SELECT count(*) FROM signal").fetchone()[0] == SIGNALS


def test_a_backup_holds_what_lies_only_in_the_write_ahead_log(filled: Workspace) -> None:
    with closing(connect(filled.database)) as user:
        with transaction(user):
            add_signals(user, 1, 7)
        migrate(filled.database, backups=filled.backups, versions=[AHEAD])
    (backup,) = filled.backups.iterdir()
    with closing(connect(backup)) as copy:
        assert copy.execute("SELECT count(*) FROM signal").fetchone()[0] == SIGNALS + 7


def test_of_several_openers_of_a_fresh_workspace_one_makes_it_and_all_go_on(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace").create()
    with ExitStack() as stack:
        openers = [stack.enter_context(program("open_and_stop", workspace.root, "")) for _ in range(3)]
        for opener in openers:
            assert says(opener) == "begins"
        for opener in openers:
            tell(opener, "go")
        assert [says(opener) for opener in openers] == ["done"] * 3
    with closing(open_database(workspace)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(NEWEST,)]
        assert connection.execute("SELECT count(*) FROM revision").fetchone()[0] == 1


def test_an_opener_waits_for_the_one_that_migrates_and_finds_it_done(filled: Workspace) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(program("open_and_stop", filled.root, "DROP TABLE signal", AHEAD))
        second = stack.enter_context(program("open_and_stop", filled.root, "", AHEAD))
        for opener in (first, second):
            assert says(opener) == "begins"
        tell(first, "go")
        assert says(first) == "in the middle"
        tell(second, "go")
        tell(first, "go on")
        assert says(first) == "done"
        assert says(second) == "done"
    assert len(list(filled.backups.iterdir())) == 1, "the second one migrated again"


def test_a_migration_that_fails_leaves_the_database_as_it_was(filled: Workspace, tmp_path: Path) -> None:
    versions = tmp_path / "versions"
    versions.mkdir()
    (versions / f"{LATER}_fails.py").write_text(
        f"from alembic import op\nrevision = '{LATER}'\ndown_revision = '{NEWEST}'\n"
        "def upgrade():\n"
        "    op.execute('DELETE FROM signal')\n    op.execute('ALTER TABLE nowhere ADD COLUMN x')\n"
    )
    with pytest.raises(MigrationFailed, match=r"unchanged: .*no such table: nowhere"):
        migrate(filled.database, backups=filled.backups, versions=[versions])
    with closing(open_database(filled)) as connection:
        assert connection.execute("SELECT count(*) FROM signal").fetchone()[0] == SIGNALS


def test_a_migration_that_leaves_rows_pointing_at_nothing_is_undone(
    filled: Workspace, tmp_path: Path
) -> None:
    versions = tmp_path / "versions"
    versions.mkdir()
    (versions / f"{LATER}_orphans.py").write_text(
        f"from alembic import op\nrevision = '{LATER}'\ndown_revision = '{NEWEST}'\n"
        "def upgrade():\n    op.execute('DELETE FROM trading_run')\n"
    )
    with pytest.raises(MigrationFailed, match=f"{SIGNALS} rows would point at nothing"):
        migrate(filled.database, backups=filled.backups, versions=[versions])
    with closing(open_database(filled)) as connection:
        assert connection.execute("SELECT count(*) FROM trading_run").fetchone()[0] == 1


def test_a_database_of_another_program_is_not_touched(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).create()
    with closing(sqlite3.connect(workspace.database)) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(MigrationFailed, match="a database of another program"):
        open_database(workspace)
    with closing(sqlite3.connect(workspace.database)) as other:
        assert other.execute("SELECT name FROM sqlite_schema").fetchall() == [("bookmarks",)]
        assert other.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
