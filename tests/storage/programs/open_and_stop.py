"""Opens a database, and stands still inside its making or migration after a statement with these words.

    open_and_stop.py WORKSPACE WORDS [FOLDER OF FURTHER MIGRATIONS]

Empty words stop nowhere.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, event

from storage.database import open_database
from storage.migrations import create
from storage.migrations.migrate import migrate
from storage.workspace import Workspace

workspace = Workspace(Path(sys.argv[1])).create()
words = sys.argv[2]


def stand_still_after(statement: str) -> None:
    if words and words in statement:
        print("in the middle", flush=True)
        sys.stdin.readline()


def stopping_statements() -> Iterator[str]:
    for statement in made_statements():
        yield statement
        stand_still_after(statement)


@event.listens_for(Engine, "after_cursor_execute")
def stand_still(_connection: object, _cursor: object, statement: str, *_: object) -> None:
    stand_still_after(statement)


made_statements = create.statements
create.statements = stopping_statements

print("begins", flush=True)
sys.stdin.readline()
if sys.argv[3:]:
    migrate(workspace.database, backups=workspace.backups, versions=tuple(map(Path, sys.argv[3:])))
else:
    open_database(workspace).close()
print("done", flush=True)
