"""Uses storage as the worker does and prints which files of the database Python itself touched.

    use_storage.py WORKSPACE [plant]

Python tells its audit hooks of every file that it opens, renames or removes; what SQLite's library
opens is not among them.
"""

import json
import sys
from contextlib import closing
from pathlib import Path

from storage.database import connect, open_database, transaction
from storage.errors import DatabaseLocked
from storage.events import record_event
from storage.insert import index_text
from storage.metrics import write_metrics
from storage.migrations.migrate import migrate
from storage.sessions import create_session
from storage.vault import load_artifact, promote_if_better, store_artifact
from storage.workspace import Workspace
from tests.storage.rows import add_run, add_signals

WATCHED = ("open", "os.rename", "os.remove", "os.truncate", "os.link", "shutil.copyfile", "shutil.move")
AHEAD = Path(__file__).parents[1] / "migrations_ahead"

touched: list[str] = []


def watch(event: str, arguments: tuple[object, ...]) -> None:
    if event in WATCHED:
        names = [Path(argument).name for argument in arguments if isinstance(argument, str)]
        touched.extend(f"{event} {name}" for name in names if name.startswith("cointrader.db"))


def train(workspace: Workspace) -> None:
    """Writes what a training writes, and reads it back."""
    with closing(open_database(workspace)) as connection:
        with transaction(connection):
            add_signals(connection, add_run(connection), 10)
            index_text(connection, "signal", 0)
        session_id = create_session(
            connection,
            agent="cnn",
            job_id=None,
            attempt=1,
            seed=1,
            params_json="{}",
            dataset_id=None,
            split_id=None,
            threads=1,
            device="cpu",
            capability="AVX2",
            total_steps=1,
        )
        write_metrics(connection, session_id, 1, [(1, "losses/total", 0.5)])
        stored = store_artifact(
            workspace,
            connection,
            agent="cnn",
            session_id=session_id,
            files={"model.json": b"{}"},
            manifest={},
            metric="auc",
            value=0.6,
            baseline=0.5,
            metrics={},
            provenance="backtest",
        )
        promote_if_better(connection, stored.id, standard_error=0.02)
        load_artifact(workspace, connection, "cnn")


def meet_a_lock(workspace: Workspace) -> None:
    """Waits for another writer in vain, which asks the kernel for its name."""
    with (
        closing(connect(workspace.database)) as first,
        closing(connect(workspace.database, busy_timeout_ms=1)) as second,
        transaction(first),
    ):
        record_event(first, "test", "holds the lock")
        try:
            with transaction(second):
                pass
        except DatabaseLocked as error:
            assert "of this process" in str(error)


sys.addaudithook(watch)
workspace = Workspace(Path(sys.argv[1]))
train(workspace)
meet_a_lock(workspace)
with closing(connect(workspace.database, readonly=True)) as reader:
    reader.execute("SELECT count(*) FROM signal").fetchall()
    if sys.argv[2:] == ["plant"]:
        workspace.database.open("rb").close()
        Path(f"{workspace.database}-wal").open("rb").close()
migrate(workspace.database, backups=workspace.backups, versions=[AHEAD])
print(json.dumps(touched))
