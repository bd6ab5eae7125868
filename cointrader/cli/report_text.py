"""The reports in words and tables, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cointrader.cli.output import print_table, time_text

if TYPE_CHECKING:
    from cointrader.core.learning_layer.accuracy_report import Accuracy, AccuracyReport
    from cointrader.core.learning_layer.rejection_report import Rate, RejectionReport
    from storage.report_counts import Stretch

SHOWN_ERRORS = 5
SHOWN_ACTIONS = 8


def print_rejections(report: RejectionReport) -> None:
    """All rates, then those of each dimension."""
    total, before = report.total, report.before
    _print_stretch(report.stretch)
    if not total.signals:
        print("no signals in this time")
        return
    print(f"{total.rejected:,} of {total.signals:,} signals were rejected, {total.rate:.1%}", end="")
    if total.change is None:
        print("; nothing came before, so there is no trend")
    else:
        span = f"{time_text(before.first_ms)} to {time_text(before.last_ms)}"
        print(f"; {total.change * 100:+.1f} points against {span}: {total.trend}")
    for name, rates in report.by.items():
        print()
        _print_rates(name, rates)
    print()
    print("trend: more or less is beyond three standard errors; too few is below 30 signals in either time")


def _print_rates(name: str, rates: Sequence[Rate]) -> None:
    rows = [
        (
            rate.value or "-",
            f"{rate.signals:,}",
            f"{rate.rejected:,}",
            f"{rate.rate:.1%}",
            "-" if rate.before is None else f"{rate.before:.1%}",
            "-" if rate.change is None else f"{rate.change * 100:+.1f}",
            rate.trend,
        )
        for rate in rates
    ]
    header = (name, "signals", "rejected", "rate", "before", "points", "trend")
    print_table(header, rows, right=[False, *[True] * 5, False])


def print_accuracy(report: AccuracyReport) -> None:
    """What was accepted, what it came to, what was refused, and what was predicted."""
    _print_stretch(report.stretch)
    closed = report.closed
    print(f"{report.accepted:,} signals accepted; {closed.n:,} closed, {report.open:,} open")
    print()
    rows = [_accuracy("closed", closed), *(_accuracy(f"  {item.of}", item) for item in report.by_strategy)]
    rows += [_accuracy(f"  {item.of}", item) for item in report.by_symbol]
    rows.append(_accuracy("rejected*", report.refused))
    print_table(("signals", "n", "paid", "mean net return", ""), rows, right=[False, True, True, True, False])
    print("* by hindsight: what they would have come to, never part of what was earned")
    overlap = f"closes overlap {closed.overlap:.1f}-fold and count as that many fewer" if closed.n else ""
    print(f"+- is one standard error; {overlap}" if overlap else "nothing has closed yet")
    print()
    _print_predictions(report.predictions)


def _accuracy(name: str, item: Accuracy) -> tuple[str, str, str, str, str]:
    if item.paid is None or item.net_return is None:
        return name, "0", "-", "-", "none yet"
    error = "?" if item.net_return_error is None else f"{item.net_return_error * 100:.3f}"
    paid = f"{item.paid:.1%} +- {(item.paid_error or 0.0) * 100:.1f}"
    return (
        name,
        f"{item.n:,}",
        paid,
        f"{item.net_return * 100:+.3f} % +- {error}",
        "" if item.is_enough else "too few to conclude from",
    )


def _print_predictions(told: Mapping[str, Any]) -> None:
    version = told.get("version")
    print("decision agent: " + (f"version {version} decides" if version else "no version decides"))
    print(f"  on closes later than it learned from: {_scored(told['later'])}")
    answered = ", ".join(f"{count:,} {answer}" for answer, count in told["answered"].items())
    print(f"  answers of the gate: {answered or 'none; it is off, or no signal came ([core] decision_gate)'}")
    if answered:
        left = told["learned_from"]
        known = f"; {left:,} more were known to their version" if left else ""
        print(f"  answers that could be judged: {_scored(told['answers'])}{known}")


def _scored(scored: Mapping[str, Any]) -> str:
    if not scored["n"]:
        return str(scored["note"])
    said = f"n {scored['n']:,}, {scored['base_rate']:.1%} paid, {scored['expected']:.1%} was expected"
    if scored["roc_auc"] is None:
        return f"{said}; {scored['note']}"
    return f"{said}, ROC-AUC {scored['roc_auc']:.3f} +- {scored['roc_auc_error']:.3f}, {scored['note']}"


def print_logs(logs: Mapping[str, Any]) -> None:
    """What the logs of the workspace and of the bot say, whatever the time."""
    ours, bot = logs["logs"], logs["bot"]
    print()
    print(
        f"logs: {ours['files']:,} files, {ours['lines']:,} lines, {_actions(ours['actions'])}, "
        f"{ours['error_count']:,} errors"
    )
    for error in ours["errors"][-SHOWN_ERRORS:]:
        print(f"  {error['file']}:{error['line']}  {error['action']}: {error['text']}")
    if bot["actions"]:
        print(f"bot logs: {_actions(bot['actions'])}, {bot['error_count']:,} errors")
    else:
        print("bot logs: none were read")
    for error in bot["errors"]:
        print(f"  {time_text(error['ts_ms'])}  {error['action']}: {error['text']}")


def _actions(actions: Mapping[str, int]) -> str:
    shown = ", ".join(f"{name} {count:,}" for name, count in list(actions.items())[:SHOWN_ACTIONS])
    return shown or "no actions"


def _print_stretch(stretch: Stretch) -> None:
    run = "every run" if stretch.run_id is None else f"run {stretch.run_id}"
    print(f"signals of {run}, {time_text(stretch.first_ms)} to {time_text(stretch.last_ms)} UTC")
