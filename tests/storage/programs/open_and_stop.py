"""Opens a database, and stands still inside its migration after a statement with these words.

    open_and_stop.py WORKSPACE WORDS [FOLDER OF FURTHER MIGRATIONS]

Empty words stop nowhere.
"""

import sys
from pathlib import Path

from sqlalchemy import Engine, event

from storage.migrations.migrate import migrate
from storage.workspace import Workspace

workspace = Workspace(Path(sys.argv[1])).create()
words = sys.argv[2]


@event.listens_for(Engine, "after_cursor_execute")
def stand_still(_connection: object, _cursor: object, statement: str, *_: object) -> None:
    if words and words in statement:
        print("in the middle", flush=True)
        sys.stdin.readline()


print("begins", flush=True)
sys.stdin.readline()
migrate(workspace.database, backups=workspace.backups, versions=tuple(map(Path, sys.argv[3:])))
print("done", flush=True)
