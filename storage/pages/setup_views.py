"""The table of setups: what was collected to learn from, and what each turned out to be worth."""

from __future__ import annotations

from storage.pages.view import Column, Field, Kind, Sort, TableView

_ORIGINS = ("signal", "rapid", "extreme", "interval")
_STATES = ("waiting", "validated", "incomplete")
_PROVENANCES = ("live", "paper", "backtest", "playback", "import", "synthetic")
_ACTION = "CASE {what} WHEN 0 THEN 'buy' WHEN 1 THEN 'sell' WHEN 2 THEN 'hold' ELSE '' END"
_ACTIONS = ("buy", "sell", "hold")
_EXTREME = "CASE t.extreme WHEN 1 THEN 'high' WHEN -1 THEN 'low' ELSE '' END"
_YES = "CASE t.{what} WHEN 1 THEN 'yes' WHEN 0 THEN 'no' ELSE '' END"

SETUPS = TableView(
    name="setups",
    title="Setups",
    table="setup",
    columns=(
        Column("time", "time", Kind.TIME, 16, "t.ts_ms", "Close of its newest bar.", indexed=True),
        Column("symbol", "symbol", Kind.TEXT, 10, "t.symbol", "Instrument.", aliases=("pair",)),
        Column("side", "side", Kind.SIDE, 5, "t.side", "Side that is scored.", values=("long", "short")),
        Column("origin", "origin", Kind.TEXT, 8, "t.origin", "What called for it.", values=_ORIGINS),
        Column(
            "priority",
            "priority",
            Kind.NUMBER,
            9,
            "t.priority",
            "Training priority; losses count like gains.",
            indexed=True,
            aliases=("prio",),
        ),
        Column(
            "score",
            "score",
            Kind.NUMBER,
            6,
            "t.score",
            "Profitability from 0 to 1; 0.5 at a net return of 0.",
            nullable=True,
            aliases=("profitability",),
        ),
        Column(
            "net_return",
            "net bps",
            Kind.NUMBER,
            8,
            "t.net_return * 10000.0",
            "Return of its side over the horizon after cost, in bps.",
            nullable=True,
            aliases=("net", "bps"),
        ),
        Column(
            "best",
            "best",
            Kind.TEXT,
            5,
            _ACTION.format(what="t.optimal_action"),
            "What would have paid most, known afterwards.",
            values=_ACTIONS,
        ),
        Column(
            "taken", "taken", Kind.TEXT, 5, _ACTION.format(what="t.taken"), "What was done.", values=_ACTIONS
        ),
        Column("state", "state", Kind.STATE, 10, "t.state", "Whether its outcome is known.", values=_STATES),
        Column(
            "rapid",
            "rapid",
            Kind.TEXT,
            5,
            _YES.format(what="rapid"),
            "Whether the price changed rapidly.",
            values=("yes", "no"),
        ),
        Column("extreme", "extreme", Kind.TEXT, 7, _EXTREME, "Highest or lowest of the last closes."),
        Column("price", "price", Kind.PRICE, 11, "t.price", "Close of its newest bar."),
        Column("timeframe", "bar", Kind.DURATION, 6, "t.timeframe_ms", "Length of a bar."),
        Column("complete", "complete", Kind.PERCENT, 8, "t.completeness", "Valid ones of its ten fields."),
        Column("trained", "trained", Kind.INTEGER, 7, "t.training_count", "How often it was trained on."),
        Column("id", "#", Kind.INTEGER, 8, "t.id", "Number of the setup.", indexed=True),
    ),
    default_sort=Sort("priority"),
    text_sql="t.symbol || ' ' || t.origin || ' ' || t.side || ' ' || t.state",
    since_sql="t.ts_ms >= {instant}",
    until_sql="t.ts_ms <= {instant}",
    newest_sql="SELECT max(ts_ms) FROM setup",
    extra_fields=(
        Field(
            "profitable",
            Kind.TEXT,
            _YES.format(what="is_profitable"),
            "Whether its side paid after cost.",
            values=("yes", "no"),
        ),
        Field("value", Kind.NUMBER, "t.value", "Value as an experience."),
        Field("velocity", Kind.NUMBER, "t.velocity", "Change of the price, in percent a minute."),
        Field("spike", Kind.NUMBER, "t.spike", "Volatility as a multiple of the usual one."),
        Field("signal", Kind.INTEGER, "t.signal_id", "Number of its signal."),
        Field("provenance", Kind.TEXT, "t.provenance", "Where it comes from.", values=_PROVENANCES),
    ),
    revised=True,
)
