"""The panel that asks about one step and shows the answer; nobody's answer is shown for another step."""

from __future__ import annotations

from tui.screens import step_answer_text as words
from tui.step_question import StepAnswer, StepQuestion
from tui.symbols import UNICODE, Symbols
from tui.widgets.panel import Panel


class StepAnswerPanel(Panel):
    """`ask` starts a process, `drop` ends it and forgets; `offer` says what could be asked or why not."""

    def __init__(self, title: str, *, id: str | None = None) -> None:
        super().__init__(title, id=id)
        self._question: StepQuestion | None = None
        self._answer: StepAnswer | None = None
        self._why_not = ""

    @property
    def is_asking(self) -> bool:
        """Whether a process works on it."""
        return self._question is not None

    @property
    def answer(self) -> StepAnswer | None:
        """What was said last of the step that is shown."""
        return self._answer

    def offer(self, why_not: str) -> None:
        """What stands there when nothing was asked: "" for what can be asked, else why nothing can."""
        self._why_not = why_not
        self.say()

    def ask(self, question: StepQuestion) -> None:
        """Asks in a thread; what was asked before is ended."""
        self.drop()
        self._question = question

        def work() -> None:
            self.call_later(self._answered, question, question.ask())

        self.run_worker(work, thread=True, exit_on_error=False, group="question")
        self.say()

    def drop(self) -> None:
        """Nobody waits for the answer any more."""
        if self._question is not None:
            self._question.stop()
        self._question = self._answer = None

    def _answered(self, question: StepQuestion, answer: StepAnswer) -> None:
        if question is self._question:
            self._question, self._answer = None, answer
            self.say()

    def say(self) -> None:
        """Writes what there is to say."""
        symbols: Symbols = getattr(self.app, "symbols", UNICODE)
        width = (self.content_size.width or 76) - 1
        if self._question is not None:
            self.show(words.asking_text(self._question.verb, self._question.step, width, symbols))
        elif self._answer is not None:
            self.show(words.answer_text(self._answer, width, symbols))
        else:
            self.show(words.hint_text(self._why_not, width))

    def on_unmount(self) -> None:
        """No process is left behind."""
        self.drop()
