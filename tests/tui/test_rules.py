"""The rules on the screen of rejections: the sums of storage, in the words of the command line."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from textual.pilot import Pilot

from cointrader.settings import Settings
from storage.database import open_database
from storage.hindsight import RuleSum, quote_currency, sums_by_rule
from storage.insert import insert_row
from storage.workspace import Workspace
from tests.tui.driving import console, loaded, screen_text, until
from tests.tui.learned_rows import judge, learned_workspace
from tests.tui.trading_workspace import add_history, trading_workspace
from tui.screens.rejections import run_of
from tui.screens.rule_text import by_net, rule_head, rule_line, rule_note
from tui.symbols import UNICODE
from tui.widgets.rule_sums import RulePanel, RuleSums


@pytest.fixture
def learned(tmp_path: Path) -> Workspace:
    return learned_workspace(tmp_path / "learned")


def rules_text(pilot: Pilot[None]) -> str:
    return pilot.app.screen.query_one(RulePanel).text


async def summed(pilot: Pilot[None]) -> list[str]:
    """The lines of the panel, once they are there."""
    await loaded(pilot)
    await until(pilot, lambda: "all rules" in rules_text(pilot), "the sums")
    return rules_text(pilot).splitlines()


async def test_every_rule_shows_the_sums_of_the_tables_the_best_first(learned: Workspace) -> None:
    with closing(open_database(learned)) as connection:
        sums = {rule.rule: rule for rule in sums_by_rule(connection)}
    app = console(learned, "rejections")
    async with app.run_test(size=(160, 50)) as pilot:
        lines = await summed(pilot)
        shown = [line.split() for line in lines[1:] if line.split()[0] in sums]
        assert len(shown) == len(sums)
        for code, n, *money in shown:
            rule = sums[code]
            assert int(n) == rule.n
            if rule.judged:
                values = [float(text.replace(",", "")) for text in money[:3]]
                assert values == pytest.approx([rule.saved, rule.missed, rule.net], abs=0.005)
        nets = [sums[words[0]].net for words in shown if sums[words[0]].judged]
        assert nets == sorted(nets, reverse=True)
        total = next(line for line in lines if line.startswith("all rules"))
        assert f"{sum(rule.saved for rule in sums.values()):,.2f}" in total


async def test_what_is_not_yet_computed_is_said_with_its_share_and_grows_by_itself(tmp_path: Path) -> None:
    workspace = trading_workspace(tmp_path / "unjudged", 60)
    app = console(workspace, "rejections")
    async with app.run_test(size=(120, 40)) as pilot:
        lines = await summed(pilot)
        assert any("not yet computed: 20 of 20" in line for line in lines)
        assert any("Never mixed with realised PnL" in line for line in lines)
        assert all("not yet computed" in line for line in lines[1:6] if line[0] != "n")
        with closing(open_database(workspace)) as connection:
            judge(connection, leave=2)
        await until(pilot, lambda: "not yet computed: 2 of 20" in rules_text(pilot), "the new outcomes")
        with closing(open_database(workspace)) as connection:
            judge(connection)
        await until(pilot, lambda: "computed for all 20" in rules_text(pilot), "the last outcomes")


async def test_a_rule_filters_the_table_and_all_rules_show_it_whole_again(learned: Workspace) -> None:
    app = console(learned, "rejections")
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        await summed(pilot)
        rules = app.screen.query_one(RuleSums)
        rules.focus()
        await pilot.press("home", "enter")
        code, n, *_ = rules_text(pilot).splitlines()[1].split()
        await until(pilot, lambda: table.wish.filter == f"code={code}" and table.pages.count == int(n))
        rules.focus()
        await pilot.press("end", "enter")
        await until(pilot, lambda: table.wish.filter == "" and table.pages.count == 20)


async def test_a_filter_by_a_run_narrows_the_sums_to_it(learned: Workspace) -> None:
    with closing(open_database(learned)) as connection, connection:
        connection.execute("BEGIN IMMEDIATE")
        other = add_history(connection, 30, seed=3)
    app = console(learned, "rejections")
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        await until(pilot, lambda: "12 of 30" in rules_text(pilot), "the sums of both runs")
        assert "all runs" in str(app.screen.query_one(RulePanel).border_title)
        assert "counts twice" in rules_text(pilot)
        app.screen.filter_by(f"run:{other}")  # type: ignore[attr-defined]
        await until(pilot, lambda: "not yet computed: 10 of 10" in rules_text(pilot), "the sums of the run")
        assert "twice" not in rules_text(pilot)
        assert f"run {other}" in str(app.screen.query_one(RulePanel).border_title)
        app.screen.query_one(RuleSums).focus()
        await pilot.press("home", "enter")
        await until(pilot, lambda: table.wish.filter.endswith(f" run:{other}"))
        assert table.wish.filter.startswith("code=")


def test_a_run_is_taken_from_a_filter_only_where_it_is_the_only_one() -> None:
    assert [run_of(text) for text in ("", "run:3", "code=x run:12", "run=4 since:7d")] == [None, 3, 12, 4]
    assert [run_of(text) for text in ("run:3 | run:4", "!run:3", "run:3x", "prun:3")] == [None] * 4


async def test_a_row_says_what_it_would_have_earned_and_how_it_would_have_ended(learned: Workspace) -> None:
    app = console(learned, "rejections")
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        app.screen.filter_by("hindsight>0")  # type: ignore[attr-defined]
        with closing(open_database(learned)) as connection:
            paid = connection.execute("SELECT count(*) FROM hindsight WHERE pnl > 0").fetchone()[0]
        await until(pilot, lambda: table.pages.count == paid)
        assert "would earn" in screen_text(pilot) and "+8.25 ▲" in screen_text(pilot)
        app.screen.filter_by("outcome:stop hold<1h")  # type: ignore[attr-defined]
        await until(pilot, lambda: table.pages.count == 18 - paid)
        assert "-6.50 ▼" in screen_text(pilot)


async def test_at_80x24_the_rules_are_in_sight_and_all_of_them_in_reach(learned: Workspace) -> None:
    app = console(learned, "rejections")
    async with app.run_test(size=(80, 24)) as pilot:
        await summed(pilot)
        assert "saved" in screen_text(pilot) and "not yet computed: 2 of 20" in screen_text(pilot)
        app.screen.query_one(RuleSums).focus()
        await pilot.press("end")
        await until(pilot, lambda: "all rules" in screen_text(pilot))
        await pilot.press("d")
        await until(pilot, lambda: "missed" not in screen_text(pilot))


async def test_at_120x40_the_rules_go_before_what_is_said_of_them(learned: Workspace) -> None:
    with closing(open_database(learned)) as connection, connection:
        connection.execute("BEGIN IMMEDIATE")
        add_history(connection, 30, seed=3)
    app = console(learned, "rejections")
    async with app.run_test(size=(120, 40)) as pilot:
        await summed(pilot)
        await until(pilot, lambda: "all rules" in screen_text(pilot))
        shown = screen_text(pilot)
        assert all(line.split()[0] in shown for line in rules_text(pilot).splitlines()[1:6])
        assert app.screen.query_one(RuleSums).size.height == app.screen.query_one(RuleSums).option_count


async def test_without_utf8_the_sums_are_ascii(learned: Workspace) -> None:
    settings = Settings(console=dataclasses.replace(Settings().console, symbols="ascii"))
    app = console(learned, "rejections", settings=settings)
    async with app.run_test(size=(120, 40)) as pilot:
        await summed(pilot)
        assert screen_text(pilot).isascii()


def test_a_rule_of_which_nothing_is_known_has_no_figures_and_comes_last() -> None:
    rules = [RuleSum("b", 3, 0, 0, 0, 0), RuleSum("a", 9, 9, 1, 5, -4), RuleSum("c", 1, 1, 2, 0, 2)]
    assert [rule.rule for rule in by_net(rules)] == ["c", "a", "b"]
    assert "not yet computed" in rule_line(rules[0], 62, UNICODE).plain
    assert "-4.00 ▼" in rule_line(rules[1], 62, UNICODE).plain


def test_below_the_rules_stands_what_there_is_room_for_in_whole_sentences() -> None:
    rules = [RuleSum("a", 9, 9, 1, 5, -4), RuleSum("b", 4, 1, 2, 0, 2)]
    apart = "not yet computed: 3 of 13. Never mixed with realised PnL."
    assert rule_note(rules, 62, 1, twice=True).plain == apart
    few = rule_note(rules, 62, 3, twice=True).plain.splitlines()
    assert few[0] == apart and " ".join(few[1:]).endswith("is for one of them.")
    for room in range(1, 9):
        lines = rule_note(rules, 62, room, twice=True).plain.splitlines()
        assert len(lines) <= room and max(map(len, lines)) <= 62 and lines[-1].endswith(".")
    assert rule_note(rules, 40, 2).plain.splitlines()[1] == "Never mixed with realised PnL."
    assert "no worker has looked yet, no complete candles follow, or no strategy is known." in rule_note(
        rules, 62, 8
    ).plain.replace("\n", " ")
    assert "strategy" not in rule_note(rules[:1], 62, 8).plain


def test_the_currency_is_named_only_where_it_is_one(connection: sqlite3.Connection) -> None:
    assert quote_currency(connection) == ""
    assert rule_head(62, "").plain.split()[:2] == ["rule", "rejected"]
    for base, quote, word in (("BTC", "USDT", "USDT"), ("ETH", "USDT", "USDT"), ("ETH", "BTC", "")):
        values = {"base": base, "quote": quote, "symbol": f"{base}/{quote}", "first_seen_ms": 0, "rev": 0}
        insert_row(connection, "instrument", tuple(values), tuple(values.values()))
        assert quote_currency(connection) == word
    assert rule_head(62, "USDT").plain.startswith("rule, in USDT ")


def test_markup_and_control_characters_of_a_rule_are_text() -> None:
    line = rule_line(RuleSum("[b]x[/b]\x1b[2J", 1, 0, 0, 0, 0), 62, UNICODE).plain
    assert "[b]x[/b]" in line and "\x1b" not in line
