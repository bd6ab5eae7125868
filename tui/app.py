"""The application: which screen is in front, what all screens share, and nothing of their business.

Nothing but Textual and the standard library is imported here: storage is loaded by the first thread
that needs it, after the first paint, and each screen when it is first shown.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.screen import Screen

from cointrader.settings import Settings
from storage.workspace import Workspace
from tui.asked_orders import AskedOrders
from tui.health import Health
from tui.keys import key
from tui.launch import Succession, WorkerNotReached, ensure_worker
from tui.reader import Gate
from tui.remembered import Remembered, TableArrangement, load_remembered, save_remembered
from tui.screens.catalogue import SCREENS, ScreenEntry, entry
from tui.symbols import choose_symbols
from tui.themes import THEMES
from tui.watcher import DatabaseOpened, DatabaseRefused, DataChanged, HealthChanged, Watcher

if TYPE_CHECKING:
    import sqlite3

    from textual.command import Provider

Answer = TypeVar("Answer")

HERE = Path(__file__).parent
SLOW, SLOW_SECONDS = "Another process is writing to the database; this waits for it", 2.0


def _palette() -> type[Provider]:
    from tui.palette import ConsoleCommands

    return ConsoleCommands


class CoinTraderApp(App[None]):
    """The console over one workspace.

    `read_only` refuses everything that would change something; `fresh` forgets what was remembered.
    `first_screen` overrides the remembered one.
    """

    TITLE = "coinTrader"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_palette}
    ALLOW_IN_MAXIMIZED_VIEW = "Header, KeyBar"
    NOTIFICATION_TIMEOUT = 4
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            key(
                f"go.{item.id}",
                item.key,
                f"app.show_screen({item.id!r})",
                item.title,
                f"{item.title}: {item.purpose}",
            )
            for item in SCREENS
        ),
        key(
            "app.palette",
            "colon,ctrl+p",
            "app.command_palette",
            "palette",
            "Find and do anything by its name",
        ),
        key("app.jump", "ctrl+j", "app.jump", "jump", "Letters at all panes; one of them goes there"),
        key(
            "app.theme", "T", "app.next_theme", "theme", "Change the colours: dark, light, colour-blind safe"
        ),
        key(
            "app.help",
            "question_mark",
            "app.help",
            "help",
            "What this screen shows and which keys work here",
            show=True,
        ),
        key("app.quit", "ctrl+q", "app.quit", "quit", "Leave the console; jobs go on", priority=True),
        Binding("ctrl+c", "app.help_quit", show=False, system=True, id="app.how_to_quit"),
    ]

    health: reactive[Health] = reactive(Health, repaint=False)

    def __init__(
        self,
        workspace: Workspace,
        settings: Settings,
        *,
        read_only: bool = False,
        fresh: bool = False,
        first_screen: str | None = None,
    ) -> None:
        self.workspace = workspace
        self.settings = settings
        self.read_only = read_only
        self.symbols = choose_symbols(settings.console.symbols)
        self.gate = Gate(workspace.database)
        self.data_version = 0
        self._was_refused = False
        self._warned: set[str] = set()
        self._succession = Succession()
        self._remembered = Remembered() if fresh else load_remembered(workspace.state)
        self._first = _known(first_screen) or _known(self._remembered.screen) or SCREENS[0]
        self._watcher: Watcher | None = None
        super().__init__(css_path=HERE / "console.tcss")
        self.orders = AskedOrders(self)
        for item in SCREENS:
            if item is not self._first:
                self.add_mode(item.id, partial(_make, item))
        # The first screen is Textual's default mode, which one cannot return to unless it is named here.
        self._modes["_default"] = self.get_default_screen
        for theme in THEMES:
            self.register_theme(theme)
        names = [theme.name for theme in THEMES]
        wanted = self._remembered.theme
        self.theme = wanted if wanted in names else settings.console.theme
        if self.symbols.name == "ascii":
            from tui.plain_text import PlainText

            self._filters.append(PlainText())

    def get_key_display(self, binding: Binding) -> str:
        """How a key is written: with the signs of keyboards, or in words where those are not known."""
        display = super().get_key_display(binding)
        if self.symbols.name != "ascii":
            return display
        for sign, word in (
            ("⏎", "enter"),
            ("⌫", "bs"),
            ("↑", "up"),
            ("↓", "down"),
            ("←", "left"),
            ("→", "right"),
        ):
            display = display.replace(sign, word)
        return display

    @property
    def database(self) -> Path:
        """The database file; opened through `storage` only."""
        return self.workspace.database

    @property
    def log_path(self) -> Path:
        """Where the console writes what went wrong."""
        return self.workspace.logs / "console.log"

    @property
    def remembered(self) -> Remembered:
        """What this console remembers so far."""
        return self._remembered

    def get_default_screen(self) -> Screen[object]:
        """The screen that is painted first."""
        screen = _make(self._first)
        for path in screen.css_path:
            # Textual reads the stylesheets of screens that are pushed, not that of the first one.
            self.stylesheet.read(path)
        return screen

    def on_mount(self) -> None:
        """After the first paint: open the database, check the keymap."""
        self.call_after_refresh(self._start)
        if threading.current_thread() is threading.main_thread():
            # The default action would leave the terminal in the state that the console needs.
            leave = partial(self.exit, return_code=128 + signal.SIGTERM)
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, leave)

    def _start(self) -> None:
        self.open_database()
        if self.settings.keymap:
            self.run_worker(self._read_keymap, thread=True, exit_on_error=False, group="keymap")

    def open_database(self) -> None:
        """Opens the database in its thread, the first time or after it was refused."""
        self.gate.reset()
        self._watcher = Watcher(
            self.workspace,
            self.gate,
            read_only=self.read_only,
            seconds=self.settings.console.refresh_ms / 1000,
            post=self.post_message,
        )
        self._watcher.start()

    def _read_keymap(self) -> None:
        from tui.keymap import check_keymap

        checked = check_keymap(self.settings.keymap)
        self.call_later(self.set_keymap, checked.keymap)
        if checked.complaints:
            text = "\n".join(checked.complaints)
            self.call_later(
                partial(
                    self.notify,
                    text,
                    title="keymap in config.toml",
                    severity="warning",
                    timeout=15,
                    markup=False,
                )
            )

    def on_database_opened(self, _message: DatabaseOpened) -> None:
        """Questions that waited are being answered now; those that were turned away are asked again."""
        self.data_version += 1
        if self._was_refused:
            self._was_refused = False
            self._tell_screen()

    def on_database_refused(self, message: DatabaseRefused) -> None:
        """Says why, and offers to try again."""
        self._was_refused = True
        from tui.screens.refused import RefusedScreen

        self.write_log(message.error)
        self.push_screen(RefusedScreen(message.error))

    def on_data_changed(self, _message: DataChanged) -> None:
        """Tells the screen in front; the others look when they are shown."""
        self.data_version += 1
        self.orders.look()
        self._tell_screen()

    def _tell_screen(self) -> None:
        """The screen in front looks again; dialogs over it do not hide it."""
        for screen in reversed(self.screen_stack):
            data_changed = getattr(screen, "data_changed", None)
            if data_changed is not None:
                data_changed()
                return

    def on_health_changed(self, message: HealthChanged) -> None:
        """Hands the state to the headers; a worker that died with jobs left gets a successor."""
        another = self.health.worker not in {"unknown", message.health.worker}
        self.health = message.health
        if another:
            # A worker that falls silent commits nothing: the screen would go on calling its jobs running.
            self._tell_screen()
        if self.read_only:
            return
        decision = self._succession.decide(message.health, time.monotonic())
        if decision == "replace":
            self.run_worker(self._replace_worker, thread=True, exit_on_error=False, group="succession")
        elif decision == "give up":
            log = self.workspace.logs / "worker.log"
            text = f"{log} may say why; `cointrader worker` starts another one."
            self.notify(text, title="The worker died again", severity="error", timeout=15, markup=False)

    def _replace_worker(self) -> None:
        try:
            ensure_worker(self.workspace)
        except WorkerNotReached as error:
            self.call_later(self.report_error, error, "starting a worker in place of one that died")
            return
        told = partial(self.notify, "Another one goes on with its jobs.", title="The worker died")
        self.call_later(partial(told, severity="warning"))

    def change_database(
        self,
        change: Callable[[sqlite3.Connection], Answer],
        then: Callable[[Answer], None],
        *,
        doing: str,
    ) -> None:
        """Runs `change` in a thread with a connection of its own that may write; errors become a dialog."""

        held = partial(self.notify, f"{SLOW}: {doing}.", severity="warning", markup=False)
        slow = self.set_timer(SLOW_SECONDS, held)

        def work() -> None:
            from storage.database import connect

            self.gate.pass_through()
            connection = connect(self.database)
            try:
                answer = change(connection)
            except Exception as error:
                self.call_later(self.report_error, error, doing)
                return
            finally:
                connection.close()
                self.call_later(slow.stop)
            self.call_later(then, answer)

        self.run_worker(work, thread=True, exit_on_error=False, group="change")

    def report_error(self, error: Exception, doing: str) -> None:
        """An unexpected error of a thread: logged, shown, and the console goes on."""
        from tui.dialogs.error import ErrorDialog

        written = self.write_log(error)
        if not isinstance(self.screen, ErrorDialog):
            text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            self.push_screen(ErrorDialog(doing, text, self.log_path if written else None))

    def write_log(self, error: Exception) -> bool:
        """Adds the whole error to the log of the console; whether that was possible."""
        if self.read_only and not self.log_path.parent.exists():
            return False
        try:
            self.log_path.parent.mkdir(parents=True, exist_ok=True)
            with self.log_path.open("a", encoding="utf-8") as log:
                log.write("".join(traceback.format_exception(error)) + "\n")
        except OSError as failure:
            self._warn_once("Log not written", f"{self.log_path}: {failure.strerror}")
            return False
        return True

    def remember_table(self, name: str, arrangement: TableArrangement) -> None:
        """Keeps how a table is arranged."""
        self._remember(self._remembered.with_table(name, arrangement))

    def _remember(self, remembered: Remembered) -> None:
        if remembered == self._remembered:
            return
        self._remembered = remembered
        if not self.read_only:
            self.run_worker(self._save, thread=True, exclusive=True, exit_on_error=False, group="remember")

    def _save(self) -> None:
        try:
            save_remembered(self.workspace.state, self._remembered)
        except OSError as error:
            self.call_later(self._warn_once, "Not remembered", f"{self.workspace.state}: {error.strerror}")

    def _warn_once(self, title: str, text: str) -> None:
        """Says what the work can go on without: beside it, and not again at every change of the screen."""
        if title not in self._warned:
            self._warned.add(title)
            self.notify(text, title=title, severity="warning", markup=False)

    def on_unmount(self) -> None:
        """Lets every thread go."""
        self.gate.close()
        if self._watcher is not None:
            self._watcher.stop()

    def action_show_screen(self, id: str) -> None:
        """Brings a screen to the front; pressed again on it, closes what lies over it."""
        item = entry(id)
        mode = "_default" if item is self._first else item.id
        if mode == self.current_mode:
            while len(self.screen_stack) > 1:
                self.pop_screen()
            return
        self.switch_mode(mode)
        self._remember(replace(self._remembered, screen=item.id))

    def action_next_theme(self) -> None:
        """Changes to the next of the three themes."""
        names = [theme.name for theme in THEMES]
        self.choose_theme(names[(names.index(self.theme) + 1) % len(names)])

    def choose_theme(self, name: str) -> None:
        """Changes to a theme and remembers it."""
        self.theme = name
        self._remember(replace(self._remembered, theme=name))

    def action_jump(self) -> None:
        """Shows a letter at every pane; the letter moves the focus there."""
        from tui.dialogs.jump import JumpOverlay

        self.push_screen(JumpOverlay.over(self.screen))

    def action_help(self) -> None:
        """Shows what this screen is and which keys work in it."""
        from tui.dialogs.help import HelpDialog

        self.push_screen(HelpDialog.of(self.screen))


def _known(id: str | None) -> ScreenEntry | None:
    return next((item for item in SCREENS if item.id == id), None)


def _make(item: ScreenEntry) -> Screen[object]:
    screen: Screen[object] = item.load()()  # type: ignore[assignment]
    return screen
