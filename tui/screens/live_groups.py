"""Which metrics belong into one chart, and how their curves are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.widgets.chart.canvas import DASHED, DOTTED, SOLID
from tui.widgets.chart.overlays import Level
from tui.widgets.chart.series import COLOURS, Series, stable_colour
from tui.widgets.chart.stored import metric_series

if TYPE_CHECKING:
    from tui.screens.live_read import RunView

LOSS = "loss"
PARTS = "loss parts"
NORMS = "gradient norm"
LETTERS = "ABCDEFGH"
STYLES = (SOLID, DASHED, DOTTED)
FIRST = (LOSS, PARTS, NORMS)
LAST = ("steps per second", "learning rate", "c", "l1 ratio")


@dataclass(frozen=True)
class Group:
    """A chart: its title, and (metric, label) of each curve in it."""

    title: str
    metrics: tuple[tuple[str, str], ...]

    @property
    def id(self) -> str:
        """A name that a widget can have."""
        return "chart-" + "".join(letter if letter.isalnum() else "-" for letter in self.title)


def group_of(metric: str) -> tuple[str, str]:
    """The chart of a metric and its label there.

    Names follow `group/name`. Loss and validation loss share a chart, the parts of the loss another;
    anything else is put together by what comes after the slash: `grid/roc_auc` beside `fold/roc_auc`.
    """
    prefix, _, name = metric.rpartition("/")
    if metric == "losses/total":
        return LOSS, "train"
    if metric == "validation/loss":
        return LOSS, "validation"
    if prefix == "losses":
        return PARTS, name
    if prefix == "gradient_norm":
        return NORMS, name
    words = name.replace("_", " ")
    return words, words if prefix in {"", "charts"} else prefix


def groups_of(metrics: Sequence[str]) -> list[Group]:
    """The charts for these metrics, the most telling first."""
    found: dict[str, list[tuple[str, str]]] = {}
    for metric in metrics:
        title, label = group_of(metric)
        found.setdefault(title, []).append((metric, label))
    order = {title: number for number, title in enumerate(FIRST)}
    order |= {title: 100 + number for number, title in enumerate(LAST)}
    titles = sorted(found, key=lambda title: (order.get(title, 50), title))
    return [Group(title, tuple(found[title])) for title in titles]


def all_metrics(runs: Sequence[RunView]) -> list[str]:
    """Every metric that one of the runs has logged, losses and training before validation."""
    return sorted({name for run in runs for name in run.curves})


def letter_of(number: int, count: int) -> str:
    """What tells runs apart where there are several."""
    return LETTERS[number] if count > 1 else ""


def series_of(group: Group, runs: Sequence[RunView]) -> list[Series]:
    """The curves of a chart. One run: a colour a metric. Several: a colour and a letter a run."""
    several = len(runs) > 1
    found = []
    for number, run in enumerate(runs):
        broken = _first_broken(group, run)
        for place, (metric, label) in enumerate(group.metrics):
            if metric not in run.curves:
                continue
            words = f"{run.session.agent} s.{run.session.id}" if several else label
            if several and len(group.metrics) > 1:
                words = f"s.{run.session.id} {label}"
            found.append(
                metric_series(
                    run.curves[metric],
                    words,
                    colour=stable_colour(run.session.id) if several else place % COLOURS,
                    pattern=STYLES[place % len(STYLES)],
                    letter=letter_of(number, len(runs)),
                    badge=metric == broken,
                )
            )
    # What was logged least often is drawn last, or the dense curves would hide it.
    return found if several else sorted(found, key=lambda one: -(one.count or 0))


def span_of(runs: Sequence[RunView]) -> tuple[float, float] | None:
    """The steps from the first to the last that anything was logged for: one axis for all charts."""
    curves = [curve for run in runs for curve in run.curves.values() if curve.steps]
    if not curves:
        return None
    return min(curve.steps[0] for curve in curves), max(curve.last_step or 0 for curve in curves)


def _first_broken(group: Group, run: RunView) -> str | None:
    """The metric of a chart that was the first not to be finite; one badge a run is enough."""
    found = [
        (curve.first_nonfinite[0], metric)
        for metric, _ in group.metrics
        if (curve := run.curves.get(metric)) is not None and curve.first_nonfinite is not None
    ]
    return min(found)[1] if found else None


def levels_of(group: Group, runs: Sequence[RunView]) -> list[Level]:
    """The baseline, in the chart of the metric that it is of."""
    values = {
        run.session.baseline
        for run in runs
        if run.session.baseline is not None and group.title == run.session.metric.replace("_", " ")
    }
    return [Level(value, "baseline") for value in sorted(values)]
