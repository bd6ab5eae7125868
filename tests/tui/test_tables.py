"""Tables over a real database: filter, sort, find, copy, export, rows that arrive, and the chain."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from storage.database import open_database, transaction
from storage.workspace import Workspace
from tests.tui.driving import console, loaded, notes, screen_text, table_of, until
from tests.tui.trading_workspace import add_history, trading_workspace
from tui.dialogs.cell import CellDialog
from tui.dialogs.columns import ColumnsDialog
from tui.dialogs.export import ExportDialog
from tui.screens.chain import ChainScreen
from tui.screens.positions import PositionsScreen
from tui.widgets.filter_bar import FilterBar, FilterInput, marked
from tui.widgets.panel import Panel
from tui.widgets.rule_sums import RuleSums


async def test_the_newest_signal_stands_at_the_top_with_what_became_of_it(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        assert table.pages.count == 600
        first = screen_text(pilot).splitlines()[3]
        assert first.startswith("▶ 2024-06-03 01:55") and "accepted" in first


async def test_a_filter_is_applied_while_it_is_written_and_kept_by_enter(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        await pilot.press("slash", *"status:rejected")
        await until(pilot, lambda: table.pages.count == 200, "200 rejected ones")
        await pilot.press("enter")
        await until(pilot, lambda: table.has_focus)
        assert not app.screen.query_one(FilterBar).is_open
        assert "200 of 600" in screen_text(pilot) and "filter: status:rejected" in screen_text(pilot)


async def test_escape_goes_back_to_the_filter_before(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        await pilot.press("slash", *"status:rejected")
        await until(pilot, lambda: table.pages.count == 200)
        await pilot.press("escape")
        await until(pilot, lambda: table.pages.count == 600 and table.has_focus)


async def test_an_error_marks_its_place_and_keeps_the_last_good_rows(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        await pilot.press("slash", *"side:long")
        await until(pilot, lambda: table.pages.count not in (None, 600))
        good = table.pages.count
        await pilot.press("space", *"colour:red")
        await until(pilot, lambda: "no field 'colour'" in screen_text(pilot), "the error")
        lines = screen_text(pilot).splitlines()
        at = next(number for number, line in enumerate(lines) if "side:long colour:red" in line)
        assert lines[at + 1].index("^^^^^^") == lines[at].index("colour")
        assert table.pages.count == good and "filter: side:long" in lines[1]


async def test_tab_completes_fields_and_values_and_goes_round(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(120, 40)) as pilot:
        await loaded(pilot)
        bar = app.screen.query_one(FilterBar)
        await pilot.press("slash", *"sym", "tab")
        await until(pilot, lambda: bar.text == "symbol:")
        await pilot.press("tab")
        await until(pilot, lambda: bar.text == "symbol:BTC/USDT")
        await pilot.press("tab")
        await until(pilot, lambda: bar.text == "symbol:ETH/USDT")
        assert app.screen.query_one(FilterInput).has_focus
        await pilot.press("space", *"zzz", "tab")
        await until(pilot, lambda: "nothing known begins like this" in screen_text(pilot))


async def test_sorting_is_over_the_whole_set_and_goes_both_ways(trading: Workspace) -> None:
    app = console(trading, "positions")
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        connection = open_database(trading)
        lowest, highest = connection.execute("SELECT min(pnl), max(pnl) FROM position").fetchone()
        connection.close()
        while table.current_column() is None or table.current_column().name != "pnl":  # type: ignore[union-attr]
            await pilot.press("l")
        await pilot.press("o")
        await until(pilot, lambda: table.wish.sort == "pnl" and not table.is_loading_rows)
        row = table.current_row()
        assert row is not None and row[-2] == highest
        await pilot.press("O")
        await until(pilot, lambda: not table.wish.descending and not table.is_loading_rows)
        row = table.current_row()
        assert row is not None and row[-2] == lowest
        assert "sort: pnl ▲" in screen_text(pilot).splitlines()[1]


async def test_n_goes_to_the_next_row_that_is_alike_however_far_it_is(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        connection = open_database(trading)
        alike = [
            row[0]
            for row in connection.execute(
                "SELECT id FROM signal WHERE confidence = (SELECT confidence FROM signal WHERE id = 600) "
                "ORDER BY ts_ms DESC, id DESC"
            ).fetchall()
        ]
        connection.close()
        assert len(alike) > 2 and alike[0] == 600
        while table.current_column() is None or table.current_column().name != "confidence":  # type: ignore[union-attr]
            await pilot.press("l")
        for wanted, pressed in ((alike[1], "n"), (alike[2], "n"), (alike[1], "N")):
            await pilot.press(pressed)
            await until(pilot, lambda wanted=wanted: (table.current_row() or (0,))[-1] == wanted, pressed)


async def test_rows_that_arrive_are_counted_and_shown_when_asked_for(tmp_path: Path) -> None:
    workspace = trading_workspace(tmp_path, 60)
    app = console(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        await pilot.press("j", "j")
        row = table.current_row()
        connection = open_database(workspace)
        with transaction(connection):
            add_history(connection, 37, seed=8)
        connection.close()
        await until(pilot, lambda: "37 new" in screen_text(pilot).splitlines()[1], "the news")
        assert table.pages.count == 60 and table.current_row() == row, "the view is stable"
        await pilot.press("r")
        await until(pilot, lambda: table.pages.count == 97 and not table.is_loading_rows)
        assert "new" not in screen_text(pilot).splitlines()[1]


async def test_a_reload_keeps_the_cursor_on_its_row(tmp_path: Path) -> None:
    workspace = trading_workspace(tmp_path, 600)
    app = console(workspace)
    async with app.run_test(size=(120, 20)) as pilot:
        table = await loaded(pilot)
        table.go_to(300)
        await until(pilot, lambda: table.current_row() is not None)
        row = table.current_row()
        connection = open_database(workspace)
        with transaction(connection):
            add_history(connection, 10, seed=9)
            connection.execute("UPDATE signal SET ts_ms = ts_ms + 9000000000 WHERE id > 600")
        connection.close()
        await pilot.press("r")
        await until(
            pilot, lambda: table.cursor == 310 and table.current_row() == row, "the same row, ten lower"
        )


async def test_a_position_that_is_closed_elsewhere_changes_in_its_place(tmp_path: Path) -> None:
    workspace = trading_workspace(tmp_path, 30)
    connection = open_database(workspace)
    connection.execute("UPDATE position SET state = 'open', pnl = 0 WHERE id = 20")
    app = console(workspace, "positions")
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        with transaction(connection):
            rev = connection.execute("UPDATE revision SET value = value + 1 RETURNING value").fetchone()[0]
            connection.execute(
                "UPDATE position SET state = 'closed', pnl = 77.77, rev = ? WHERE id = 20", (rev,)
            )
        await until(pilot, lambda: "+77.77 ▲" in screen_text(pilot), "the new result")
        assert table.arrived == 0
    connection.close()


async def test_an_empty_table_says_what_would_fill_it(empty: Workspace) -> None:
    app = console(empty)
    async with app.run_test(size=(120, 40)) as pilot:
        await loaded(pilot)
        assert "No signal yet." in screen_text(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "there is no row under the cursor" in notes(pilot), "the reason")


async def test_a_filter_that_nothing_passes_says_so(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        table.filter_by("price<0")
        await until(pilot, lambda: "No row passes this filter." in screen_text(pilot))


async def test_text_of_the_database_is_never_markup(tmp_path: Path) -> None:
    workspace = trading_workspace(tmp_path, 3)
    connection = open_database(workspace)
    connection.execute("UPDATE rejection SET text = '[bold red]\x1b[2J[/] or [not'")
    connection.close()
    app = console(workspace, "rejections")
    async with app.run_test(size=(160, 50)) as pilot:
        await loaded(pilot)
        await until(pilot, lambda: "[bold red]" in screen_text(pilot))
        assert "\x1b" not in screen_text(pilot)


async def test_the_whole_cell_and_the_copies(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(80, 24)) as pilot:
        table = await loaded(pilot)
        await pilot.press("y")
        assert app.clipboard == "2024-06-03T01:55:00Z"
        await pilot.press("Y")
        assert app.clipboard.split("\t")[1] in ("BTC/USDT", "ETH/USDT")
        while table.current_column() is None or table.current_column().name != "models":  # type: ignore[union-attr]
            await pilot.press("l")
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, CellDialog))
        assert '"rule": 1.0' in screen_text(pilot)


async def test_columns_can_be_hidden(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, ColumnsDialog))
        await pilot.press("down", "space", "enter")
        await until(pilot, lambda: table.has_focus)
        assert table.hidden == ("symbol",) and "symbol" not in screen_text(pilot).splitlines()[2]


async def test_an_export_holds_every_row_that_passes_and_only_those(tmp_path: Path) -> None:
    workspace = trading_workspace(tmp_path, 60)
    app = console(workspace, "positions")
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        table.filter_by("pnl>0")
        await until(pilot, lambda: not table.is_loading_rows and table.pages.count not in (None, 40))
        for name in ("winners.csv", "winners.jsonl"):
            await pilot.press("e")
            await until(pilot, lambda: isinstance(app.screen, ExportDialog))
            app.screen.query_one("#path").value = str(tmp_path / "out" / name)  # type: ignore[attr-defined]
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, PositionsScreen), name)
        count = table.pages.count
    with (tmp_path / "out" / "winners.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = (tmp_path / "out" / "winners.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(rows) == len(lines) == count
    assert all(float(row["pnl"]) > 0 for row in rows)
    assert {int(row["id"]) for row in rows} == {json.loads(line)["id"] for line in lines}


async def test_an_export_to_an_unknown_format_is_refused_in_the_dialog(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(120, 40)) as pilot:
        await loaded(pilot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ExportDialog))
        app.screen.query_one("#path").value = "signals.xls"  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: "csv or jsonl" in screen_text(pilot), "the refusal")


async def test_enter_opens_the_chain_and_n_goes_to_its_neighbour(trading: Workspace) -> None:
    app = console(trading, "positions")
    async with app.run_test(size=(160, 50)) as pilot:
        table = await loaded(pilot)
        await pilot.press("j", "enter")
        row = table.current_row()
        assert row is not None
        await until(pilot, lambda: isinstance(app.screen, ChainScreen))
        await until(pilot, lambda: f"Chain of position #{row[-1]}" in screen_text(pilot))
        stages = app.screen.query_one("#stages", Panel).text
        for word in (
            "signal",
            "decision",
            "accepted",
            "fills",
            "BUY",
            "SELL",
            "reward",
            "normalized",
            "learned",
        ):
            assert word in stages
        await pilot.press("N")
        await until(pilot, lambda: f"Chain of position #{row[-1] - 1}" in screen_text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, PositionsScreen))
        assert table.cursor == 1


async def test_the_chain_of_a_rejected_signal_ends_at_the_decision(trading: Workspace) -> None:
    app = console(trading, "rejections")
    async with app.run_test(size=(80, 24)) as pilot:
        await loaded(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "Chain of signal" in screen_text(pilot))
        stages = app.screen.query_one("#stages", Panel).text
        assert "rejected" in stages and "allowed" in stages and "fills" not in stages


async def test_the_pane_follows_the_cursor_where_there_is_room(trading: Workspace) -> None:
    app = console(trading, "positions")
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        for _ in range(3):
            await pilot.press("j")
            row = table.current_row()
            assert row is not None
            await until(pilot, lambda row=row: f"#{row[-1]:,}" in app.screen.query_one("#why", Panel).text)


async def test_at_80x24_there_is_only_the_table_until_the_pane_is_asked_for(trading: Workspace) -> None:
    app = console(trading, "positions")
    async with app.run_test(size=(80, 24)) as pilot:
        await loaded(pilot)
        pane = app.screen.query_one("#pane")
        assert not pane.display
        await pilot.press("d")
        await until(pilot, lambda: "accepted" in app.screen.query_one("#why", Panel).text)
        assert pane.display
        await pilot.press("d")
        await until(pilot, lambda: not pane.display)


async def test_the_rules_are_counted_and_one_of_them_filters_the_table(trading: Workspace) -> None:
    app = console(trading, "rejections")
    async with app.run_test(size=(160, 50)) as pilot:
        table = await loaded(pilot)
        rules = app.screen.query_one(RuleSums)
        await until(pilot, lambda: rules.option_count > 1)
        await pilot.press("tab")
        await until(pilot, lambda: rules.has_focus)
        await pilot.press("j", "enter")
        await until(pilot, lambda: table.wish.filter.startswith("code=") and not table.is_loading_rows)
        code = table.wish.filter.removeprefix("code=")
        connection = open_database(trading)
        wanted = connection.execute("SELECT count(*) FROM rejection WHERE code = ?", (code,)).fetchone()[0]
        connection.close()
        await until(pilot, lambda: table.pages.count == wanted)


async def test_a_click_on_a_row_chooses_it_and_one_on_a_label_sorts(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        await pilot.click(table, offset=(30, 6))
        assert table.cursor == 5
        price = next(item for item in table.placed if item.name == "price")
        await pilot.click(table, offset=(price.left + 2, 0))
        await until(pilot, lambda: table_of(pilot).wish.sort == "price" and not table.is_loading_rows)


def test_an_error_is_marked_under_its_place_at_any_width() -> None:
    message = "signals have no field 'colour'; known are time, symbol and side"
    assert marked(message, 4, 6, 100) == f"    ^^^^^^ {message}"
    assert marked(message, 4, 6, 40) == "    ^^^^^^ signals have no field 'col..."
    right = marked(message, 70, 6, 80)
    assert right.index("^^^^^^") == 70 and right.startswith(message)
    assert all(len(marked(message, at, 6, 60)) <= 60 for at in range(60))
