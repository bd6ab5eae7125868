"""The way in for files: choose them, see what they are before anything is stored, say what they do not."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.dialogs.base import Dialog
from tui.import_preview import Preview, Previewer, PreviewFailed, unanswered
from tui.keys import key
from tui.widgets.record_list import RecordList

if TYPE_CHECKING:
    from storage.workspace import Workspace

SETTLE_SECONDS = 0.25
"""How long the choice must rest before the files are looked at."""

MOST_SHOWN = 2_000
"""Entries of the inbox that are listed."""

ANSWERS = (("symbol", "BTC/USDT"), ("timeframe", "5m"), ("zone", "UTC"))


@dataclass(frozen=True)
class ImportRequest:
    """What shall be imported; an empty text leaves it to what the files say themselves."""

    paths: tuple[Path, ...]
    symbol: str
    timeframe: str
    zone: str


@dataclass(frozen=True)
class InboxEntry:
    """Something that lies in the inbox."""

    path: Path
    is_folder: bool
    size: int


def read_inbox(inbox: Path) -> list[InboxEntry]:
    """What lies in the inbox, by name; nothing for one that is not there."""
    try:
        with os.scandir(inbox) as entries:
            found = [
                InboxEntry(Path(entry.path), entry.is_dir(), entry.stat().st_size)
                for entry in entries
                if not entry.name.startswith(".")
            ]
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda entry: entry.path.name.lower())[:MOST_SHOWN]


class ImportWizard(Dialog[ImportRequest | None]):
    """Inbox above, a line for any other path, the answers, and what the chosen files are."""

    TITLE_TEXT = "Import"
    CSS_PATH = "import_wizard.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        key("wizard.start", "enter", "start", "import", "Import what is chosen", show=True, priority=True),
        key("wizard.mark", "space", "mark", "mark", "Choose several files of the inbox", show=True),
        key("wizard.next", "tab", "app.focus_next", "next", "To the next field", show=True),
        key("wizard.previous", "shift+tab", "app.focus_previous", "before", "To the field before"),
        key("wizard.close", "escape", "close", "close", "Close; nothing is imported", show=True),
    ]

    def __init__(self, workspace: Workspace, seen: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self._inbox = workspace.inbox
        self._previewer = Previewer(workspace.root)
        self._seen = seen
        self._entries: list[InboxEntry] = []
        self._marked: set[Path] = set()
        self._looked_at: tuple[Path, ...] | None = None
        self._previews: tuple[Preview, ...] | None = None
        self._timer: Timer | None = None
        self._asked = 0

    def body(self) -> list[Widget]:
        """List, path, answers, preview."""
        answers = [
            Horizontal(Static(name, classes="name"), Input(id=name, compact=True), classes="answer")
            for name, _example in ANSWERS
        ]
        return [
            RecordList("inbox", id="inbox"),
            Horizontal(
                Static("or path", classes="name"),
                Input(id="path", compact=True, placeholder="file, folder or archive", select_on_focus=False),
                classes="answer",
            ),
            Horizontal(*answers, id="answers"),
            Static(id="preview"),
        ]

    def on_mount(self) -> None:
        """Reads the inbox."""
        self.query_one("#inbox", RecordList).focus()
        self._say_preview(Content.styled("looking into the inbox", "$quiet"))
        self._list_inbox()

    def on_unmount(self) -> None:
        """Nobody waits for a preview any more."""
        self._previewer.stop()

    def _list_inbox(self) -> None:
        def work() -> None:
            try:
                entries = read_inbox(self._inbox)
            except OSError as error:
                self.call_later(self._say_preview, Content.styled(f"inbox: {error.strerror}", "$error"))
                return
            self.call_later(self._listed, entries)

        self.run_worker(work, thread=True, exit_on_error=False, group="inbox")

    def _listed(self, entries: list[InboxEntry]) -> None:
        self._entries = entries
        self._show_inbox()
        if not entries:
            self.query_one("#path").focus()
        self._look_soon()

    def _show_inbox(self) -> None:
        from tui.screens.import_text import inbox_record

        records = self.query_one("#inbox", RecordList)
        symbols = self.app.symbols  # type: ignore[attr-defined]
        width = records.content_size.width or 80
        records.show(
            Content(""),
            [
                inbox_record(entry, entry.path in self._marked, str(entry.path) in self._seen, width, symbols)
                for entry in self._entries
            ],
            empty=f"empty: lay files into {self._inbox}, or name one below",
            title=f"inbox {self._inbox}",
        )

    # What is chosen

    @property
    def chosen(self) -> tuple[Path, ...]:
        """The path that was typed, else what is marked, else what the cursor is on."""
        typed = self.query_one("#path", Input).value.strip()
        if typed:
            return (Path(os.path.abspath(os.path.expanduser(typed))),)
        if self._marked:
            return tuple(entry.path for entry in self._entries if entry.path in self._marked)
        current = self.query_one("#inbox", RecordList).current
        return (current,) if isinstance(current, Path) else ()

    def action_mark(self) -> None:
        """Marks the entry under the cursor, or takes the mark away, and goes on to the next."""
        records = self.query_one("#inbox", RecordList)
        current = records.current
        if not records.has_focus or not isinstance(current, Path):
            return
        self._marked ^= {current}
        self._show_inbox()
        records.cursor += 1
        self._look_soon()

    @on(RecordList.Moved, "#inbox")
    @on(Input.Changed, "#path")
    def chosen_another(self) -> None:
        """Looks at it once the choice rests."""
        self._look_soon()

    # Preview

    def _look_soon(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(SETTLE_SECONDS, self._look)

    def _look(self) -> None:
        paths = self.chosen
        if paths == self._looked_at:
            return
        self._looked_at, self._previews = paths, None
        self._asked += 1
        self._previewer.interrupt()
        if not paths:
            self._say_preview(Content.styled("nothing is chosen", "$quiet"))
            return
        self._say_preview(Content.styled("looking at it", "$quiet"))
        asked = self._asked

        def work() -> None:
            try:
                previews = self._previewer.preview(paths)
            except PreviewFailed as error:
                self.call_later(self._failed, asked, str(error))
            except OSError as error:
                self.call_later(self._failed, asked, str(error))
            else:
                self.call_later(self._previewed, asked, previews)

        self.run_worker(work, thread=True, exit_on_error=False, group="preview")

    def _failed(self, asked: int, words: str) -> None:
        if asked == self._asked:
            self._say_preview(Content.styled(words, "$error"))

    def _previewed(self, asked: int, previews: tuple[Preview, ...]) -> None:
        if asked != self._asked:
            return
        from tui.screens.import_text import preview_text

        self._previews = previews
        preview = self.query_one("#preview", Static)
        symbols = self.app.symbols  # type: ignore[attr-defined]
        room = max(3, preview.size.height)
        self._say_preview(preview_text(previews, max(40, preview.size.width), room, symbols))
        self._hint(previews)

    def _hint(self, previews: tuple[Preview, ...]) -> None:
        """What the files say themselves stands in the empty fields; what they do not is asked for."""
        from tui.screens.import_text import hints

        needed = {question.option for question in unanswered(previews)} if len(previews) == 1 else ()
        for name, hint in hints(previews, dict(ANSWERS)).items():
            field = self.query_one(f"#{name}", Input)
            field.placeholder = hint
            field.set_class(name in needed, "-needed")

    def _say_preview(self, content: Content) -> None:
        self.query_one("#preview", Static).update(content)

    # Ending

    @property
    def problem(self) -> tuple[str, str]:
        """The field that is wrong and why; two empty texts when the import can start.

        Of several files those that say too little are refused, and the others are imported.
        """
        if not self.chosen:
            return "path", "nothing is chosen"
        previews = self._previews or ()
        if len(previews) == 1 and not previews[0].kind:
            return "path", previews[0].why
        for question in unanswered(previews) if len(previews) == 1 else ():
            if not self.query_one(f"#{question.option}", Input).value.strip():
                words = f"{question.text} such as {question.example}" if question.example else question.text
                return question.option, words
        return "", ""

    def action_start(self) -> None:
        """Sends the choice, or says what is missing."""
        field, reason = self.problem
        if field:
            self.query_one(f"#{field}", Input).focus()
            self.notify(reason, title="Not imported", severity="error", markup=False)
            return
        said = {name: self.query_one(f"#{name}", Input).value.strip() for name, _example in ANSWERS}
        self.dismiss(ImportRequest(self.chosen, said["symbol"], said["timeframe"], said["zone"]))

    def action_close(self) -> None:
        """Closes without importing anything."""
        self.dismiss(None)
