"""Where to write the rows of a filter, and how far it is."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.dialogs.base import Dialog
from tui.keys import key
from tui.widgets.paged_table.questions import Wish, make_source

if TYPE_CHECKING:
    import sqlite3

    from tui.app import CoinTraderApp


class Stopped(Exception):
    """The operator changed their mind."""


class ExportDialog(Dialog[None]):
    """Asks for a file; enter writes it, escape stops and leaves nothing behind."""

    TITLE_TEXT = "Write rows to a file"
    BINDINGS: ClassVar[list[BindingType]] = [
        key("export.write", "enter", "write", "write", "Write the file", show=True, priority=True),
        key("export.stop", "escape", "stop", "stop", "Stop; a half-written file is removed", show=True),
    ]

    def __init__(self, wish: Wish, count: str) -> None:
        super().__init__()
        self._wish = wish
        self._count = count
        self._stopped = False
        self._writing = False

    def body(self) -> list[Widget]:
        """What will be written, the name of the file, and a line that says how far it is."""
        app = cast("CoinTraderApp", self.app)
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        path = app.workspace.root / "exports" / f"{self._wish.view}-{stamp}.csv"
        filtered = f" that pass {self._wish.filter}" if self._wish.filter else ""
        return [
            Static(
                Content(f"{self._count} {self._wish.view}{filtered}, as CSV or, by its ending, as JSONL:")
            ),
            Input(str(path), id="path", select_on_focus=False),
            Static("", id="progress"),
        ]

    def on_mount(self) -> None:
        """Puts the cursor at the end of the name."""
        self.query_one(Input).focus()

    def action_write(self) -> None:
        """Writes in a thread."""
        if self._writing:
            return
        self._writing = True
        app = cast("CoinTraderApp", self.app)
        path = Path(self.query_one(Input).value).expanduser()
        path = path if path.is_absolute() else app.workspace.root / "exports" / path
        self._say("writing", "$quiet")

        def work() -> None:
            from storage.errors import StorageError

            try:
                written = self._write(path)
            except Stopped:
                return
            except StorageError as error:
                self.call_later(self._failed, str(error))
            except Exception as error:
                self.call_later(app.report_error, error, "writing rows to a file")
            else:
                self.call_later(self._done, written, path)

        self.run_worker(work, thread=True, exit_on_error=False, group="export")

    def _write(self, path: Path) -> int:
        """Runs in the thread. Raises Stopped, StorageError."""
        from storage.database import connect
        from storage.export import export_rows

        def progress(written: int) -> None:
            if self._stopped:
                raise Stopped
            self.call_later(self._say, f"{written:,} rows written", "$quiet")

        app = cast("CoinTraderApp", self.app)
        app.gate.pass_through()
        path.parent.mkdir(parents=True, exist_ok=True)
        connection: sqlite3.Connection = connect(app.database, readonly=True)
        try:
            newest = make_source(connection, self._wish, None).newest_id()
            return export_rows(make_source(connection, self._wish, newest), path, progress=progress)
        finally:
            connection.close()

    def _say(self, text: str, style: str) -> None:
        self.query_one("#progress", Static).update(Content.styled(text, style))

    def _failed(self, text: str) -> None:
        self._writing = False
        self._say(text, "$error")

    def _done(self, written: int, path: Path) -> None:
        self.dismiss()
        self.app.notify(f"{written:,} rows in {path}", title="Written", markup=False)

    def action_stop(self) -> None:
        """Stops; nothing half-written is left."""
        self._stopped = True
        self.dismiss()
