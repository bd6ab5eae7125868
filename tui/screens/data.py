"""Candles with their gaps, the files that were read, what was refused and why, and the way in for more."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content

from tui.keys import key
from tui.lazy_classes import LazyClasses
from tui.pace import Pace
from tui.screens.base import ConsoleScreen
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList
from tui.widgets.title_line import TitleLine

if TYPE_CHECKING:
    from storage.data_overview import DataOverview, SeriesDetail, SeriesRow
    from storage.jobs import JobRow
    from storage.source_files import SourceFileRow
    from tui.screens.import_wizard import ImportRequest

SHORT = 30
"""On a screen with fewer lines the strip is left to explain itself."""

GAPS_READ = 500
"""Of the longest gaps so many are read; the list shows what fits, `enter` all of them."""


class DataScreen(ConsoleScreen):
    """Series above with how full they are, the quality of one, imports under way, files below."""

    ID: ClassVar[str] = "data"
    CSS_PATH = "data.tcss"
    HELP: ClassVar[str] = (
        "Every series of candles as a line over its own time: where it is whole, where bars are missing. A "
        "missing bar is not a bar in which nothing was traded. Below: the quality of the series under the "
        "cursor with its longest gaps (enter lists them), imports while they run, and the files that were "
        "read last (enter shows the rows that were refused of one).\n"
        "i chooses files and shows what they are before anything is stored. Files that are laid into the "
        "inbox of the workspace are offered there."
    )
    DANGEROUS: ClassVar[frozenset[str]] = frozenset({"import_files", "cancel"})
    KEY_WIDGETS = (RecordList,)
    OPENS = LazyClasses(
        "tui.screens.import_wizard:ImportWizard",
        "tui.screens.data_tables:FilesScreen",
        "tui.screens.data_tables:QuarantineScreen",
    )
    AUTO_FOCUS = "#series"
    BINDINGS: ClassVar[list[BindingType]] = [
        key(
            "data.import",
            "i",
            "import_files",
            "import",
            "Choose files, see what they are, import them",
            show=True,
        ),
        key("data.cancel", "X", "cancel", "stop import", "Stop the import that runs", show=True),
        key("data.files", "f", "files", "files", "Every file that was read", show=True),
        key(
            "data.refused",
            "u",
            "refused_rows",
            "refused rows",
            "Every row that was refused, and why",
            show=True,
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._pace = Pace(self.refresh_data, self.set_timer)
        self._view: DataOverview | None = None
        self._detail: SeriesDetail | None = None
        self._under_way: frozenset[int] = frozenset()

    def compose_body(self) -> ComposeResult:
        """Title, series, quality with gaps, imports, files."""
        yield TitleLine("Data", id="title")
        yield RecordList("series", id="series")
        with Horizontal(id="middle"):
            yield Panel("quality", id="quality")
            yield Panel("longest gaps", id="gaps")
        yield Panel("imports", id="imports")
        yield RecordList("files read last", id="files")

    def on_mount(self) -> None:
        """Ages and heartbeats are looked at while this is visible."""
        self._pulse = self.set_interval(1.0, self._beat)

    def on_screen_suspend(self) -> None:
        """Nobody looks."""
        self._pulse.pause()
        self._pace.forget()
        super().on_screen_suspend()

    def on_screen_resume(self) -> None:
        """Looks again."""
        self._pulse.resume()
        super().on_screen_resume()

    def _beat(self) -> None:
        if self._view is not None and self._view.imports:
            self._pace.want()

    def on_data_changed(self) -> None:
        """Looks again, as often as it may."""
        self._pace.want()

    def refresh_data(self) -> None:
        """Asks for all of it in one read; strips that are on the screen are not made again."""
        from tui.screens.data_text import strip_columns

        columns = strip_columns(self._width("#series"))
        known = self._view.strips if self._view is not None else None

        def ask(connection: sqlite3.Connection) -> DataOverview:
            from storage.data_overview import data_overview

            return data_overview(connection, columns=columns, known=known)

        self._pace.asked()
        self.query_database(ask, self._answered, failed=self._failed, doing="reading the data")

    def _answered(self, view: DataOverview) -> None:
        self.show_view(view)
        self._pace.answered()

    def _failed(self, error: Exception) -> None:
        self.console.report_error(error, "reading the data")
        self._pace.answered()

    def _width(self, selector: str) -> int:
        return self.query_one(selector).content_size.width or self.size.width or 78

    # Showing

    def show_view(self, view: DataOverview) -> None:
        """Puts what was read onto the screen."""
        from tui.screens import data_text as words

        self._tell_of_ended(view)
        self._view = view
        symbols = self.console.symbols
        self.query_one("#title", TitleLine).say(words.title_parts(view))
        series, files = self.query_one("#series", RecordList), self.query_one("#files", RecordList)
        width = self._width("#series")
        parts = words.strip_columns(width)
        series.show(
            words.series_head(width, symbols) if view.series else Content(""),
            [
                words.series_record(row, view.strips.get((row.id, row.rev, parts), ()), width, symbols)
                for row in view.series
            ],
            empty=words.EMPTY_SERIES,
        )
        width = self._width("#files")
        files.show(
            words.files_head(width, symbols) if view.files else Content(""),
            [words.file_record(row, width, symbols) for row in view.files],
            empty="no file was read yet",
        )
        imports = self.query_one("#imports", Panel)
        imports.show(words.imports_text(view, self._width("#imports"), symbols))
        self._ask_detail()
        self.refresh_bindings()

    def _tell_of_ended(self, view: DataOverview) -> None:
        """An import that was seen running and has ended is told of once."""
        from tui.screens.data_text import outcome_words

        last = view.last_import
        if last is not None and last.id in self._under_way:
            self.notify(
                outcome_words(last),
                title=f"Import {last.state}",
                severity="error" if last.state == "failed" else "information",
                timeout=8,
                markup=False,
            )
        self._under_way = frozenset(job.id for job in view.imports)

    @property
    def series(self) -> SeriesRow | None:
        """The series under the cursor."""
        current = self.query_one("#series", RecordList).current
        rows = self._view.series if self._view is not None else ()
        return next((row for row in rows if row.id == current), None)

    @on(RecordList.Moved, "#series")
    def another_series(self, message: RecordList.Moved) -> None:
        """The quality follows the cursor."""
        message.stop()
        self._ask_detail()

    def _ask_detail(self) -> None:
        row = self.series
        if row is None:
            self.query_one("#middle").display = False
            return
        if self._detail is not None and self._detail.series == row:
            self._show_detail(self._detail)
            return

        def ask(connection: sqlite3.Connection) -> SeriesDetail:
            from storage.data_overview import series_detail

            return series_detail(connection, row, gaps=GAPS_READ)

        self.query_database(ask, self._show_detail, group="series", doing=f"reading the gaps of {row.symbol}")

    def _show_detail(self, detail: SeriesDetail) -> None:
        from tui.screens import data_text as words

        self._detail = detail
        self.query_one("#middle").display = True
        symbols, row = self.console.symbols, detail.series
        quality, gaps = self.query_one("#quality", Panel), self.query_one("#gaps", Panel)
        name = f"{row.symbol} {words.timeframe(row.timeframe_ms)}"
        quality.show(words.quality_text(detail, self._width("#quality"), symbols), title=f"quality of {name}")
        gaps.show(words.gaps_text(detail, self._width("#gaps"), 5, symbols))

    def on_resize(self) -> None:
        """Strips have as many parts as there is room for."""
        if self._view is not None:
            self.call_after_refresh(self.refresh_data)

    # Doing

    @on(RecordList.Chosen, "#series")
    def open_gaps(self, message: RecordList.Chosen) -> None:
        """All gaps of a series."""
        from tui.dialogs.cell import CellDialog
        from tui.screens.data_text import all_gaps, timeframe

        message.stop()
        detail = self._detail
        if detail is not None and detail.series == self.series:
            row = detail.series
            label = f"Gaps of {row.symbol} {timeframe(row.timeframe_ms)}"
            self.console.push_screen(CellDialog(label, None, all_gaps(detail)))

    @on(RecordList.Chosen, "#files")
    def open_file(self, message: RecordList.Chosen) -> None:
        """What was refused of a file, or that nothing was."""
        message.stop()
        rows = self._view.files if self._view is not None else ()
        row = next((row for row in rows if row.id == message.key), None)
        if row is not None:
            self.show_refused_of(row)

    def show_refused_of(self, row: SourceFileRow) -> None:
        """The rows that were refused of a file."""
        from pathlib import PurePath

        from tui.screens.data_tables import QuarantineScreen

        name = PurePath(row.path).name
        if not row.quarantined:
            self.notify(f"{name}: no row was refused.", markup=False)
            return
        self.console.push_screen(QuarantineScreen(name))

    def action_files(self) -> None:
        """Every file."""
        from tui.screens.data_tables import FilesScreen

        self.console.push_screen(FilesScreen())

    def action_refused_rows(self) -> None:
        """Every row in quarantine."""
        from tui.screens.data_tables import QuarantineScreen

        self.console.push_screen(QuarantineScreen())

    def action_import_files(self) -> None:
        """Opens the choice of files."""
        from tui.screens.import_wizard import ImportWizard

        seen = {row.path for row in self._view.files} if self._view is not None else set()
        self.console.push_screen(ImportWizard(self.console.workspace, frozenset(seen)), self.start)

    def start(self, request: ImportRequest | None) -> None:
        """Queues an import, and makes sure that somebody does it."""
        if request is None:
            return
        from tui import launch

        workspace = self.console.workspace

        def ask(connection: sqlite3.Connection) -> int:
            job_id = launch.queue_import(
                connection,
                [str(path) for path in request.paths],
                symbol=request.symbol,
                timeframe=request.timeframe,
                zone=request.zone,
            )
            launch.ensure_worker(workspace)
            return job_id

        def told(job_id: int) -> None:
            self.notify(f"Queued as job {job_id}. X stops it.", title="Import")

        self.change_database(ask, told, doing="starting the import")

    @property
    def stoppable(self) -> JobRow | None:
        """The import that X would stop: the one that runs, else the first that waits."""
        imports = self._view.imports if self._view is not None else ()
        running = [job for job in imports if job.state == "running" and not job.cancel_requested]
        return next(iter(running or [job for job in imports if job.state != "running"]), None)

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """There is not always an import to stop."""
        if action == "cancel" and self.stoppable is None:
            return "no import is running"
        return super().why_not(action, parameters)

    def action_cancel(self) -> None:
        """Asks, then stops the import between two files or blocks."""
        from tui.dialogs.confirm import ConfirmDialog

        job = self.stoppable
        if job is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._cancel(job)

        self.console.push_screen(
            ConfirmDialog(
                f"Stop job {job.id}, {job.title}?",
                "Files that are done stay; of the one that is being read nothing is stored.",
            ),
            answered,
        )

    def _cancel(self, job: JobRow) -> None:
        def ask(connection: sqlite3.Connection) -> str:
            from storage.jobs import request_cancel

            return request_cancel(connection, job.id)

        def told(state: str) -> None:
            words = "will stop at its next step" if state == "running" else f"is {state}"
            self.notify(f"Job {job.id} {words}.", title="Import")

        self.change_database(ask, told, doing=f"stopping job {job.id}")

    def palette(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """The files with refused rows."""
        from tui.screens.data_text import file_words

        for row in self._view.files if self._view is not None else ():
            if row.quarantined:
                yield f"Refused rows of {row.path}", file_words(row), partial(self.show_refused_of, row)
