"""The form that queues a replay: what is trained again, with which agent, and what the thresholds mean.

Every threshold is shown in basis points with the number of setups that pass it, counted in the database
while it is typed. What is checked here is checked again by the job.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from cointrader.training.replaying.errors import ReplayRefused
from cointrader.training.replaying.request import (
    OF_SETUPS,
    PROFITABLE_SCORE,
    REPLAYED_AGENTS,
    ReplayKind,
    ReplayRequest,
)
from models.parameters import ParameterSpec
from models.registry import AGENTS
from tui.dialogs.base import Dialog
from tui.keys import key
from tui.reader import Asker
from tui.screens.training_form import SEED, ParameterField, text_of
from tui.widgets.choice_line import ChoiceLine
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    import sqlite3

    from storage.sessions import SessionRow
    from storage.setup_counts import SetupCounts
    from tui.app import CoinTraderApp

SETTLE_SECONDS = 0.12
"""How long the typing must rest before setups are counted."""

TOP = ParameterSpec("top", int, 500, "How many setups at most, the best first; 0 is no limit.", 0, 1e7)
PROFITABILITY = ParameterSpec(
    "min_profitability", float, 0.0, "The profitability score that a setup must reach.", 0.0, 0.999
)
FILTER = ParameterSpec("filter", str, "", "Only setups that pass it, as in the table: symbol:btc")
SESSION = ParameterSpec("session", int, 1, "The session that is replayed.", 1, 1e9)
FIRST = ParameterSpec("first", int, 0, "The first step; 0 is the first that is kept.", 0, 1e9)
LAST = ParameterSpec("last", int, 0, "The last step; 0 is the last that is kept.", 0, 1e9)
_RANKED = ("agent", "min_profitability", "top", "filter", "seed")
FIELDS: dict[str, tuple[str, ...]] = {
    "profitable": _RANKED,
    "prioritised": _RANKED,
    "selected": ("agent", "filter", "seed"),
    "session": ("session",),
    "verify": ("session", "first", "last"),
    "reapply": ("session", "first", "last"),
}
"""The fields that each kind asks for."""

KIND_WORDS = {
    "profitable": "setups that brought enough, the best first",
    "prioritised": "setups that there is most to learn from",
    "selected": "the marked setups, or those of a filter",
    "session": "a whole session once more, digests compared",
    "verify": "gradients of kept steps, computed again",
    "reapply": "kept gradients, applied to their own weights",
}


def replaying_agents() -> tuple[str, ...]:
    """The agents that are offered: those that learn from setups, as far as they are installed."""
    known = {entry.name for entry in AGENTS}
    return tuple(name for name in REPLAYED_AGENTS if name in known)


def score_from(kind: str, eligible: float) -> float:
    """The score that a kind begins with: that of a profitable episode, or that of eligibility."""
    return PROFITABLE_SCORE if kind == "profitable" else eligible


@dataclass(frozen=True)
class Found:
    """What the database says of a request: why it is refused, and what it would be trained on."""

    refused: str = ""
    counts: SetupCounts | None = None
    session: SessionRow | None = None


class ChoiceField(Horizontal):
    """A name and a choice, with words beside it."""

    def __init__(self, name: str, choices: tuple[str, ...], value: str) -> None:
        super().__init__()
        self.named = name
        self.line = ChoiceLine(choices, value, id=f"field-{name}")
        self.words = Static(classes="words")

    def compose(self) -> list[Widget]:
        """One line."""
        return [Static(Content(self.named), classes="name"), self.line, self.words]


class ReplayForm(Dialog[ReplayRequest | None]):
    """Arrows turn kind and agent over; `enter` queues, `escape` closes."""

    CSS_PATH = "replay_form.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    KEY_WIDGETS = (ChoiceLine,)
    BINDINGS: ClassVar[list[BindingType]] = [
        key("replay_form.start", "enter,ctrl+s", "start", "start", "Queue it", show=True, priority=True),
        key("replay_form.close", "escape", "close", "close", "Close without starting", show=True),
        key("replay_form.next", "down,tab", "step(1)", "next", "To the next field", priority=True, show=True),
        key(
            "replay_form.previous", "up,shift+tab", "step(-1)", "before", "To the field before", priority=True
        ),
    ]

    def __init__(
        self,
        kind: str = "profitable",
        *,
        agent: str = "cnn",
        filter: str = "",
        setups: tuple[int, ...] = (),
        session: int | None = None,
        steps: tuple[int, int] = (0, 0),
        eligible: float = 0.1,
    ) -> None:
        """What the fields begin with; `eligible` is the score from which a setup may be replayed at all."""
        super().__init__()
        self._setups = setups
        self._eligible = eligible
        self._kind = ChoiceField("kind", tuple(FIELDS), kind)
        self._agent = ChoiceField("agent", replaying_agents(), agent)
        self._numbers = {
            spec.name: ParameterField(spec)
            for spec in (
                replace(PROFITABILITY, default=score_from(kind, eligible)),
                TOP,
                replace(FILTER, default=filter),
                replace(SESSION, default=session or SESSION.default),
                replace(FIRST, default=steps[0]),
                replace(LAST, default=steps[1]),
                SEED,
            )
        }
        self._numbers["filter"].add_class("-wordless")
        self._numbers["filter"].input.placeholder = "all setups, or as in the table: symbol:btc origin:rapid"
        self._found: Found | None = None
        self._is_sent = False
        self._asker: Asker | None = None
        self._rest: Timer | None = None

    @property
    def console(self) -> CoinTraderApp:
        """The application, with its own type."""
        return cast("CoinTraderApp", self.app)

    def title_text(self) -> str:
        """What it is."""
        return "Replay"

    def body(self) -> list[Widget]:
        """The fields, then what they mean."""
        fields = Vertical(self._kind, self._agent, *self._numbers.values(), id="fields")
        return [fields, Panel("", id="meaning")]

    def on_mount(self) -> None:
        """Starts at the kind."""
        self._kind.line.focus()
        self._kind_changed()

    # What is shown

    @property
    def kind(self) -> str:
        """The chosen kind."""
        return self._kind.line.value

    @property
    def agent(self) -> str:
        """The chosen agent; that of the session where one is trained again."""
        if ReplayKind(self.kind) not in OF_SETUPS:
            session = self._found.session if self._found is not None else None
            return session.agent if session is not None else ""
        return self._agent.line.value

    def text(self, name: str) -> str:
        """What stands in a field."""
        return self._numbers[name].input.value.strip()

    def _wanted(self) -> tuple[str, ...]:
        wanted = FIELDS[self.kind]
        by_hand = self.kind == "selected" and self._setups
        return tuple(name for name in wanted if name != "filter") if by_hand else wanted

    def _shown(self) -> list[ChoiceField | ParameterField]:
        wanted = self._wanted()
        shown: list[ChoiceField | ParameterField] = [self._kind]
        if "agent" in wanted:
            shown.append(self._agent)
        return [*shown, *(field for name, field in self._numbers.items() if name in wanted)]

    def _kind_changed(self) -> None:
        shown = self._shown()
        for field in (self._agent, *self._numbers.values()):
            field.display = field in shown
        profitability = self._numbers["min_profitability"]
        if profitability.input.value in {text_of(PROFITABLE_SCORE), text_of(self._eligible)}:
            profitability.input.value = text_of(score_from(self.kind, self._eligible))
        self._found = None
        self._count()
        self._say()

    def _say(self) -> None:
        from tui.screens import replay_text as words

        panel = self.query_one("#meaning", Panel)
        width = panel.content_size.width or 80
        symbols, training = self.console.symbols, self.console.settings.training
        request, found = self.request(), self._found
        if request is None:
            text = words.problem_text(self._static_problem(), width, symbols)
        elif request.kind in OF_SETUPS:
            text = words.setups_meaning(
                request, None if found is None else found.counts, training, width, symbols
            )
        else:
            text = words.session_meaning(request, None if found is None else found.session, width, symbols)
        if found is not None and found.refused:
            text = Content("\n").join([words.problem_text(found.refused, width, symbols), text])
        panel.show(text)
        self._kind.words.update(Content(KIND_WORDS[self.kind]))
        title = next((entry.title for entry in AGENTS if entry.name == self.agent), "")
        self._agent.words.update(Content(title))

    # Counting

    @on(ChoiceLine.Changed)
    def turned(self, message: ChoiceLine.Changed) -> None:
        """Another kind asks for other fields."""
        message.stop()
        self._kind_changed()

    @on(Input.Changed)
    def typed(self, message: Input.Changed) -> None:
        """Checked while it is typed, counted when the typing rests."""
        message.stop()
        for field in self._numbers.values():
            if field.input is message.input:
                field.check()
        self._found = None
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(SETTLE_SECONDS, self._count)
        self._say()

    def _count(self) -> None:
        if self._static_problem():
            return
        if self._asker is None:
            self._asker = Asker(self, self.console.gate)
        request, training = self._request(), self.console.settings.training
        score = max(request.least_score, self._eligible)

        def ask(connection: sqlite3.Connection) -> Found:
            from cointrader.training.replaying.candidates import check_request
            from storage.errors import StorageError
            from storage.setup_counts import count_setups
            from storage.training_overview import sessions_of

            refused = ""
            try:
                check_request(connection, request, training)
            except (ReplayRefused, StorageError) as error:
                refused = str(error)
            if request.session is not None:
                sessions = sessions_of(connection, [request.session])
                return Found(refused, session=sessions[0] if sessions else None)
            try:
                return Found(refused, count_setups(connection, min_score=score, filter=request.filter))
            except StorageError:
                # The filter is what was refused: there is nothing to count.
                return Found(refused)

        self._asker.ask(
            ask,
            self._counted,
            group="count",
            failed=lambda error: self.console.report_error(error, "counting setups"),
        )

    def _counted(self, found: Found) -> None:
        self._found = found
        self._say()
        if self._is_sent:
            self.action_start()

    # Sending

    def request(self) -> ReplayRequest | None:
        """What the form asks for; None while a field is refused."""
        return None if self._static_problem() else self._request()

    def _request(self) -> ReplayRequest:
        kind, seed = ReplayKind(self.kind), int(self.text("seed"))
        if kind not in OF_SETUPS:
            number, first, last = (int(self.text(name)) for name in ("session", "first", "last"))
            if kind is ReplayKind.SESSION:
                return ReplayRequest(kind, self.agent, session=number)
            return ReplayRequest(kind, self.agent, session=number, first=first or None, last=last or None)
        if kind is ReplayKind.SELECTED:
            text = "" if self._setups else self.text("filter")
            return ReplayRequest(kind, self.agent, top=0, filter=text, setups=self._setups, seed=seed)
        return ReplayRequest(
            kind,
            self.agent,
            top=int(self.text("top")),
            min_profitability=float(self.text("min_profitability")),
            filter=self.text("filter"),
            seed=seed,
        )

    def _wrong_field(self) -> str:
        for name in self._wanted():
            if name in self._numbers and (wrong := self._numbers[name].check()):
                return f"{name} {wrong}"
        return ""

    def _static_problem(self) -> str:
        """What can be said without the database."""
        wrong = self._wrong_field()
        if wrong:
            return wrong
        if self.kind == "selected" and not self._setups and not self.text("filter"):
            return "no setup is marked: m in the table marks one, or write a filter here"
        try:
            self._request()
        except ReplayRefused as error:
            return str(error)
        return ""

    def problem(self) -> str:
        """Why it cannot be sent; "" when it can."""
        return self._static_problem() or (self._found.refused if self._found is not None else "")

    def action_step(self, by: int) -> None:
        """To another field."""
        places: list[Widget] = [
            field.line if isinstance(field, ChoiceField) else field.input for field in self._shown()
        ]
        at = places.index(self.focused) if self.focused in places else 0
        places[(at + by) % len(places)].focus()

    def action_start(self) -> None:
        """Queues it, or says what is wrong."""
        # What was written last may still be counted: the answer sends it, or says why not.
        self._is_sent = self._found is None and not self._static_problem()
        if self._is_sent:
            return
        problem = self.problem()
        request = None if problem else self.request()
        if request is None:
            self.notify(problem, title="Not started", severity="error", markup=False)
            return
        self.dismiss(request)

    def action_close(self) -> None:
        """Closes without starting anything."""
        self.dismiss(None)

    def on_unmount(self) -> None:
        """Closes the connection."""
        if self._asker is not None:
            self._asker.close()
