"""The tables of the trading side: signals, rejections and positions."""

from __future__ import annotations

from storage.pages.view import Column, Field, Kind, Sort, TableView

_SIDES = ("long", "short")
_STAGES = ("filter", "risk", "execution")
_PROVENANCES = ("live", "paper", "backtest", "playback", "import", "synthetic")
_EXITS = ("stop", "target", "trailing", "time", "opposite", "strategy", "manual", "end_of_data")

_ITS_POSITION = (
    "(SELECT {what} FROM signal_position l JOIN position p ON p.id = l.position_id WHERE l.signal_id = t.id)"
)
_ITS_REJECTION = "(SELECT {what} FROM rejection r WHERE r.signal_id = t.id)"
_ITS_HINDSIGHT = "(SELECT {what} FROM hindsight h WHERE h.signal_id = t.signal_id)"
_POSITION_STATE = "CASE p.state WHEN 'closed' THEN p.exit_reason ELSE p.state END"
_POSITION_PNL = "CASE p.state WHEN 'closed' THEN p.pnl END"

SIGNALS = TableView(
    name="signals",
    title="Signals",
    table="signal",
    columns=(
        Column("time", "time", Kind.TIME, 16, "t.ts_ms", "Close of the bar that signalled.", indexed=True),
        Column("symbol", "symbol", Kind.TEXT, 10, "t.symbol", "Instrument.", aliases=("pair",)),
        Column("strategy", "strategy", Kind.TEXT, 10, "t.strategy", "Who signalled."),
        Column("side", "side", Kind.SIDE, 5, "t.side", "Long or short.", values=_SIDES),
        Column("confidence", "conf", Kind.NUMBER, 5, "t.confidence", "From 0 to 1.", aliases=("conf",)),
        Column("price", "price", Kind.PRICE, 11, "t.price", "Close of that bar."),
        Column(
            "status",
            "status",
            Kind.STATE,
            8,
            "t.status",
            "What was decided.",
            values=("accepted", "rejected"),
        ),
        Column(
            "became",
            "became",
            Kind.TEXT,
            18,
            f"CASE WHEN r.id IS NOT NULL THEN r.code WHEN p.id IS NULL THEN '' ELSE {_POSITION_STATE} END",
            "The code of its rejection, or how its position ended.",
            sortable=False,
            joined=True,
            filter_sql=(
                f"coalesce({_ITS_REJECTION.format(what='r.code')}, "
                f"{_ITS_POSITION.format(what=_POSITION_STATE)}, '')"
            ),
        ),
        Column(
            "pnl",
            "pnl",
            Kind.MONEY,
            9,
            _POSITION_PNL,
            "Net result of its position, once closed.",
            sortable=False,
            nullable=True,
            joined=True,
            filter_sql=_ITS_POSITION.format(what=_POSITION_PNL),
        ),
        Column("models", "models", Kind.MODELS, 18, "t.contributions", "Who contributed, and how much."),
        Column("id", "#", Kind.INTEGER, 8, "t.id", "Number of the signal.", indexed=True),
        Column(
            "position",
            "pos.",
            Kind.INTEGER,
            8,
            "p.id",
            "Number of its position.",
            sortable=False,
            nullable=True,
            joined=True,
            filter_sql=_ITS_POSITION.format(what="p.id"),
        ),
    ),
    default_sort=Sort("time"),
    joins=(
        "LEFT JOIN rejection r ON r.signal_id = t.id "
        "LEFT JOIN signal_position l ON l.signal_id = t.id LEFT JOIN position p ON p.id = l.position_id"
    ),
    text_sql="t.symbol || ' ' || t.strategy || ' ' || t.side",
    text_table="signal_text",
    since_sql="t.ts_ms >= {instant}",
    until_sql="t.ts_ms <= {instant}",
    newest_sql="SELECT max(ts_ms) FROM signal",
    extra_fields=(
        Field(
            "reason",
            Kind.TEXT,
            _ITS_REJECTION.format(what="r.code || ' ' || r.text"),
            "Why it was rejected: code or text.",
        ),
        Field("run", Kind.INTEGER, "t.run_id", "Number of the run."),
        Field("provenance", Kind.TEXT, "t.provenance", "Where it comes from.", values=_PROVENANCES),
    ),
)

REJECTIONS = TableView(
    name="rejections",
    title="Rejections",
    table="rejection",
    columns=(
        Column("time", "time", Kind.TIME, 16, "t.ts_ms", "Close of the bar that signalled.", indexed=True),
        Column("symbol", "symbol", Kind.TEXT, 10, "t.symbol", "Instrument.", aliases=("pair",)),
        Column("strategy", "strategy", Kind.TEXT, 10, "t.strategy", "Who signalled."),
        Column("side", "side", Kind.SIDE, 5, "t.side", "Long or short.", values=_SIDES),
        Column("stage", "stage", Kind.STATE, 9, "t.stage", "Where it was stopped.", values=_STAGES),
        Column("code", "code", Kind.TEXT, 20, "t.code", "Code of the rule that said no."),
        Column(
            "hindsight",
            "would earn",
            Kind.MONEY,
            10,
            "h.pnl",
            "What the trade would have brought, net of costs; never part of what was earned.",
            sortable=False,
            nullable=True,
            joined=True,
            filter_sql=_ITS_HINDSIGHT.format(what="h.pnl"),
        ),
        Column("text", "why", Kind.TEXT, 48, "t.text", "The reason in words."),
        Column("actual", "actual", Kind.NUMBER, 10, "t.actual_value", "What was found.", nullable=True),
        Column("limit", "limit", Kind.NUMBER, 10, "t.limit_value", "What is allowed.", nullable=True),
        Column("confidence", "conf", Kind.NUMBER, 5, "t.confidence", "From 0 to 1.", aliases=("conf",)),
        Column("price", "price", Kind.PRICE, 11, "t.price", "Close of that bar."),
        Column("id", "#", Kind.INTEGER, 8, "t.id", "Number of the rejection.", indexed=True),
        Column("signal", "signal", Kind.INTEGER, 8, "t.signal_id", "Number of its signal."),
        Column(
            "outcome",
            "would end",
            Kind.TEXT,
            10,
            "h.exit_reason",
            "How the trade would have ended.",
            sortable=False,
            nullable=True,
            joined=True,
            filter_sql=_ITS_HINDSIGHT.format(what="h.exit_reason"),
            values=_EXITS,
        ),
        Column(
            "hold",
            "after",
            Kind.DURATION,
            7,
            "h.hold_ms",
            "How long the trade would have been held.",
            sortable=False,
            nullable=True,
            joined=True,
            filter_sql=_ITS_HINDSIGHT.format(what="h.hold_ms"),
        ),
    ),
    default_sort=Sort("time"),
    joins="LEFT JOIN hindsight h ON h.signal_id = t.signal_id",
    text_sql="t.symbol || ' ' || t.strategy || ' ' || t.side || ' ' || t.code || ' ' || t.text",
    text_table="rejection_text",
    since_sql="t.ts_ms >= {instant}",
    until_sql="t.ts_ms <= {instant}",
    newest_sql="SELECT max(ts_ms) FROM rejection",
    extra_fields=(
        Field("reason", Kind.TEXT, "(t.code || ' ' || t.text)", "Why: code or text."),
        Field("run", Kind.INTEGER, "t.run_id", "Number of the run."),
        Field("provenance", Kind.TEXT, "t.provenance", "Where it comes from.", values=_PROVENANCES),
    ),
)

POSITIONS = TableView(
    name="positions",
    title="Positions",
    table="position",
    columns=(
        Column(
            "closed", "closed", Kind.TIME, 16, "t.closed_ms", "Time of the close; 0 while open.", indexed=True
        ),
        Column("symbol", "symbol", Kind.TEXT, 10, "t.symbol", "Instrument.", aliases=("pair",)),
        Column("side", "side", Kind.SIDE, 5, "t.side", "Long or short.", values=_SIDES),
        Column("quantity", "qty", Kind.NUMBER, 9, "t.qty", "In units of the base.", aliases=("qty",)),
        Column("entry", "entry", Kind.PRICE, 11, "t.entry_price", "Mean price of the entry."),
        Column("exit", "exit", Kind.PRICE, 11, "t.exit_price", "Mean price of the exit.", nullable=True),
        Column("pnl", "pnl", Kind.MONEY, 9, "t.pnl", "Net result, after all costs.", indexed=True),
        Column("return", "return", Kind.PERCENT, 8, "t.return_notional", "Net result of the notional."),
        Column(
            "reward", "reward", Kind.REWARD, 7, "t.reward", "Reward of the close, by the training formula."
        ),
        Column("hold", "hold", Kind.DURATION, 7, "t.hold_ms", "Time from entry to exit."),
        Column("reason", "exit by", Kind.TEXT, 10, "t.exit_reason", "Why it was closed.", values=_EXITS),
        Column("strategy", "strategy", Kind.TEXT, 10, "t.strategy", "Who signalled."),
        Column("models", "models", Kind.MODELS, 18, "t.contributions", "Who contributed, and how much."),
        Column("fees", "fees", Kind.MONEY, 8, "t.fees", "Fees of both sides."),
        Column("mae", "mae", Kind.PERCENT, 8, "t.mae", "Worst unrealised return."),
        Column("mfe", "mfe", Kind.PERCENT, 8, "t.mfe", "Best unrealised return."),
        Column("state", "state", Kind.STATE, 7, "t.state", "", values=("open", "closing", "closed")),
        Column("opened", "opened", Kind.TIME, 16, "t.opened_ms", "Time of the entry."),
        Column("id", "#", Kind.INTEGER, 8, "t.id", "Number of the position.", indexed=True),
    ),
    default_sort=Sort("closed"),
    text_sql="t.symbol || ' ' || t.strategy || ' ' || t.side || ' ' || t.exit_reason",
    text_table="position_text",
    since_sql="(t.closed_ms >= {instant} OR t.state <> 'closed')",
    until_sql="(t.closed_ms <= {instant} AND t.state = 'closed')",
    newest_sql="SELECT max(closed_ms) FROM position",
    extra_fields=(
        Field("notional", Kind.MONEY, "t.notional", "Size at the entry, in money."),
        Field("gross", Kind.MONEY, "t.gross", "Result before costs."),
        Field("stop", Kind.PRICE, "t.stop_price", "Price of the stop."),
        Field("target", Kind.PRICE, "t.target_price", "Price of the target."),
        Field(
            "origin",
            Kind.TEXT,
            "t.origin",
            "What opened it.",
            values=("signal", "manual", "adopted", "import"),
        ),
        Field("run", Kind.INTEGER, "t.run_id", "Number of the run."),
        Field("provenance", Kind.TEXT, "t.provenance", "Where it comes from.", values=_PROVENANCES),
    ),
    revised=True,
)
