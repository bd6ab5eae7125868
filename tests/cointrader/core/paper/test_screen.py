"""Agents and gates before the kernel: they can only say no, and what they said is kept."""

from __future__ import annotations

import sqlite3

from cointrader.core.paper.screen import Judged, Standing
from cointrader.core.paper.start import open_run
from cointrader.trading.position import Records
from storage.agent_responses import AgentResponseRow, add_agent_responses, responses_to
from storage.candles import Candles
from storage.core_decisions import Refusal
from storage.workspace import Workspace
from tests.cointrader.core.paper.trading import begin, kept, play_out, played, store
from tests.cointrader.market import walk


def test_a_veto_is_a_rejection_with_its_answer_and_the_kernel_never_sees_the_signal(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    store(workspace, connection, walk(600, 1))
    free = kept(connection, played(workspace, connection))
    run_id = begin(connection)
    seen: list[tuple[int, int]] = []

    def screen(signal: Records, candles: Candles, standing: Standing) -> Judged:
        assert candles.close_ms[-1] == signal["ts_ms"], "nothing of the future is shown"
        seen.append((int(signal["ts_ms"]), int(signal["side"])))
        ts_ms, long = int(signal["ts_ms"]), signal["side"] > 0
        answer = "approved" if long else "vetoed"

        def keep(opened: sqlite3.Connection, row: int) -> None:
            said = AgentResponseRow(row, run_id, ts_ms, "risk", answer, "", 7)  # type: ignore[arg-type]
            add_agent_responses(opened, [said])

        return Judged(None if long else Refusal("risk", "risk_vetoed", "No shorts"), keep)

    engine = open_run(workspace, connection, run_id, screen=screen)
    play_out(engine)
    engine.finish()
    found = kept(connection, run_id)
    assert [row[0] for row in found.signals] == [row[0] for row in free.signals]
    assert {row[2] for row in found.trades} == {"long"}
    vetoed = [row for row in found.signals if row[3] == "short"]
    assert len(vetoed) > 5
    assert {row[6:10] for row in vetoed} == {("rejected", "risk_vetoed", "risk", "No shorts")}
    assert found.counts[0][4] == sum(row[6] == "rejected" for row in found.signals)
    rows = connection.execute("SELECT id, side FROM signal WHERE run_id = ?", (run_id,)).fetchall()
    answers = {"long": "approved", "short": "vetoed"}
    assert all([one.answer for one in responses_to(connection, row)] == [answers[side]] for row, side in rows)
    assert len(seen) == len(rows)
