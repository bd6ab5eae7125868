"""The form that starts a training, made from the parameters that the agent declares.

Every field says what it allows, in words; what it does not allow is refused while it is typed, and the
form cannot be sent until every field is right. What is checked here is checked again by the job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from models.parameters import ParameterError, ParameterSpec, describe, parse
from models.registry import get, params_class
from tui.dialogs.base import Dialog
from tui.keys import key

SEED = ParameterSpec(
    name="seed",
    kind=int,
    default=0,
    help="All randomness of the training follows from it: the same seed gives the same weights.",
    low=0,
    high=2**31 - 1,
)


@dataclass(frozen=True)
class TrainingRequest:
    """What the form was sent with; `params` are texts that the parameters accept."""

    agent: str
    params: dict[str, str]
    seed: int


def text_of(value: Any) -> str:
    """A default as a person would type it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def allowed_words(spec: ParameterSpec) -> str:
    """What a field allows, with large bounds written out."""
    if spec.choices or spec.kind in (bool, str) or spec.low is None or spec.high is None:
        return spec.allowed
    return f"{_bound(spec.low)} to {_bound(spec.high)}" + (f" {spec.unit}" if spec.unit else "")


def _bound(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 and value == int(value) else f"{value:g}"


class ParameterField(Horizontal):
    """Name, value, and what is allowed or what is wrong."""

    def __init__(self, spec: ParameterSpec) -> None:
        super().__init__()
        self.spec = spec
        self.problem = ""
        self.input = Input(text_of(spec.default), id=f"field-{spec.name}", compact=True, select_on_focus=True)
        self._words = Static(classes="words")

    def compose(self) -> list[Widget]:
        """One line."""
        return [Static(Content(self.spec.name), classes="name"), self.input, self._words]

    def on_mount(self) -> None:
        """Says what is allowed."""
        self.check()

    def check(self) -> str:
        """Why the text is refused, "" when it is allowed; shown beside the field."""
        try:
            parse(self.spec, self.input.value)
            self.problem = ""
        except ParameterError as error:
            reason = error.reason.replace(self.spec.allowed, allowed_words(self.spec))
            self.problem = reason
        symbols = getattr(self.app, "symbols", None)
        cross = symbols.cross if symbols else "x"
        self._words.update(
            Content(f"{cross} {self.problem}") if self.problem else Content(allowed_words(self.spec))
        )
        self._words.set_class(bool(self.problem), "-wrong")
        self.input.set_class(bool(self.problem), "-wrong")
        return self.problem

    def cycle(self, by: int) -> None:
        """The next of the choices, where the field has some."""
        choices = self.spec.choices or (("false", "true") if self.spec.kind is bool else ())
        if choices:
            at = choices.index(self.input.value) if self.input.value in choices else 0
            self.input.value = choices[(at + by) % len(choices)]


class TrainingForm(Dialog[TrainingRequest | None]):
    """Defaults that can be sent as they are; `enter` sends, `escape` closes."""

    CSS_PATH = "training_form.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        key("form.start", "enter,ctrl+s", "start", "start", "Start the training", show=True, priority=True),
        key("form.close", "escape", "close", "close", "Close without starting", show=True),
        key("form.next", "down,tab", "step(1)", "next", "To the next field", priority=True, show=True),
        key("form.previous", "up,shift+tab", "step(-1)", "previous", "To the field before", priority=True),
        key("form.choice_next", "ctrl+n", "cycle(1)", "choice", "The next of the choices", show=True),
        key("form.choice_previous", "ctrl+b", "cycle(-1)", "choice before", "The choice before"),
        key("form.defaults", "ctrl+r", "defaults", "defaults", "Every field as it was", show=True),
    ]

    def __init__(self, agent: str) -> None:
        super().__init__()
        self._agent = agent
        self._fields = [ParameterField(spec) for spec in (*describe(params_class(agent)), SEED)]

    def title_text(self) -> str:
        """Which agent."""
        return f"Train {get(self._agent).title}"

    def body(self) -> list[Widget]:
        """The fields, and the help of the one with the focus."""
        return [VerticalScroll(*self._fields, can_focus=False), Static(id="help")]

    def on_mount(self) -> None:
        """Starts in the first field."""
        self._fields[0].input.focus()

    @property
    def problems(self) -> dict[str, str]:
        """What is refused, by the name of the field."""
        return {field.spec.name: problem for field in self._fields if (problem := field.check())}

    @on(Input.Changed)
    def changed(self, message: Input.Changed) -> None:
        """Checked while it is typed."""
        field = self._field_of(message.input)
        if field is not None:
            field.check()

    def on_descendant_focus(self) -> None:
        """The help of the field that has the focus."""
        field = self._field_of(self.focused)
        for one in self._fields:
            one.set_class(one is field, "-current")
        if field is not None:
            default = text_of(field.spec.default)
            words = f"{field.spec.help}\nDefault {default}; {allowed_words(field.spec)}."
            self.query_one("#help", Static).update(Content(words))

    def _field_of(self, widget: Widget | None) -> ParameterField | None:
        return next((field for field in self._fields if field.input is widget), None)

    def action_step(self, by: int) -> None:
        """To another field."""
        field = self._field_of(self.focused)
        at = self._fields.index(field) if field is not None else 0
        self._fields[(at + by) % len(self._fields)].input.focus()

    def action_cycle(self, by: int) -> None:
        """Another of the choices."""
        field = self._field_of(self.focused)
        if field is not None:
            field.cycle(by)

    def action_defaults(self) -> None:
        """Every field as it was when the form was opened."""
        for field in self._fields:
            field.input.value = text_of(field.spec.default)

    def action_start(self) -> None:
        """Sends the form, or goes to the first field that is wrong."""
        wrong = [field for field in self._fields if field.check()]
        if wrong:
            wrong[0].input.focus()
            self.notify(
                f"{wrong[0].spec.name} {wrong[0].problem}",
                title="Not started",
                severity="error",
                markup=False,
            )
            return
        values = {field.spec.name: field.input.value.strip() for field in self._fields}
        seed = int(values.pop(SEED.name))
        self.dismiss(TrainingRequest(self._agent, values, seed))

    def action_close(self) -> None:
        """Closes without starting anything."""
        self.dismiss(None)
