"""The tables of the learning side and of the house: jobs, sessions, artefacts and events."""

from __future__ import annotations

from storage.pages.view import Column, Field, Kind, Sort, TableView

_JOB_STATES = ("queued", "running", "succeeded", "failed", "cancelled", "interrupted")
_SESSION_STATES = ("running", "succeeded", "failed", "cancelled", "interrupted", "diverged")

JOBS = TableView(
    name="jobs",
    title="Jobs",
    table="job",
    columns=(
        Column("id", "#", Kind.INTEGER, 6, "t.id", "Number of the job.", indexed=True),
        Column("kind", "kind", Kind.TEXT, 10, "t.kind", "What kind of work."),
        Column("title", "title", Kind.TEXT, 30, "t.title", "What it does."),
        Column("state", "state", Kind.STATE, 11, "t.state", "Where it stands.", values=_JOB_STATES),
        Column(
            "progress",
            "done",
            Kind.PERCENT,
            6,
            "CASE WHEN t.progress_total > 0 THEN 1.0 * t.progress_done / t.progress_total END",
            "How much is done.",
            nullable=True,
        ),
        Column("message", "message", Kind.TEXT, 30, "t.message", "What it says."),
        Column("slot", "slot", Kind.TEXT, 4, "t.slot", "Where it runs.", values=("cpu", "gpu", "live")),
        Column("priority", "prio", Kind.INTEGER, 4, "t.priority", "Higher runs earlier."),
        Column("attempt", "try", Kind.INTEGER, 3, "t.attempt", "How often it was started."),
        Column("created", "created", Kind.TIME, 16, "t.created_ms", "When it was asked for."),
        Column("started", "started", Kind.TIME, 16, "t.started_ms", "Start of this try.", nullable=True),
        Column("ended", "ended", Kind.TIME, 16, "t.ended_ms", "When it ended.", nullable=True),
        Column("error", "error", Kind.TEXT, 40, "t.error", "Why it failed."),
    ),
    default_sort=Sort("id"),
    text_sql="t.kind || ' ' || t.title || ' ' || t.state || ' ' || t.message || ' ' || t.error",
    since_sql="t.created_ms >= {instant}",
    until_sql="t.created_ms <= {instant}",
    newest_sql="SELECT max(created_ms) FROM job",
    revised=True,
)

_OF_JOURNAL = "(SELECT {} FROM journal WHERE journal.session_id = t.id)"

SESSIONS = TableView(
    name="sessions",
    title="Sessions",
    table="session",
    columns=(
        Column("id", "#", Kind.INTEGER, 6, "t.id", "Number of the session.", indexed=True),
        Column("agent", "agent", Kind.TEXT, 18, "t.agent", "What learns."),
        Column("state", "state", Kind.STATE, 11, "t.state", "Where it stands.", values=_SESSION_STATES),
        Column("step", "step", Kind.INTEGER, 8, "t.step", "Steps done."),
        Column("steps", "of", Kind.INTEGER, 8, "t.total_steps", "Steps planned."),
        Column("metric", "metric", Kind.TEXT, 14, "t.metric", "Its primary metric."),
        Column("value", "value", Kind.NUMBER, 9, "t.value", "Out of sample.", nullable=True),
        Column("baseline", "baseline", Kind.NUMBER, 9, "t.baseline", "What is to be beaten.", nullable=True),
        Column("attempt", "try", Kind.INTEGER, 3, "t.attempt", "Which attempt of its job."),
        Column("seed", "seed", Kind.INTEGER, 8, "t.seed", "Seed of its randomness."),
        Column("device", "device", Kind.TEXT, 6, "t.device", "Where it computes."),
        Column("started", "started", Kind.TIME, 16, "t.started_ms", "When it began."),
        Column("ended", "ended", Kind.TIME, 16, "t.ended_ms", "When it ended.", nullable=True),
        Column("note", "note", Kind.TEXT, 40, "t.note", "What is to be said of it."),
        Column(
            "journal",
            "steps kept",
            Kind.TEXT,
            10,
            _OF_JOURNAL.format("CASE WHEN state = 'pruned' THEN 'pruned' ELSE mode END"),
            "How its steps are kept: full with gradients, digest, pruned, or not at all.",
            nullable=True,
            values=("full", "digest", "pruned"),
        ),
        Column(
            "kept",
            "kept",
            Kind.BYTES,
            9,
            _OF_JOURNAL.format("bytes"),
            "Bytes that its steps take.",
            nullable=True,
        ),
        Column(
            "worth",
            "worth",
            Kind.NUMBER,
            9,
            _OF_JOURNAL.format("training_value"),
            "Training value: mean value of its steps times what it won over the champion.",
            nullable=True,
        ),
    ),
    default_sort=Sort("id"),
    text_sql="t.agent || ' ' || t.state || ' ' || t.metric || ' ' || t.note",
    since_sql="t.started_ms >= {instant}",
    until_sql="t.started_ms <= {instant}",
    newest_sql="SELECT max(started_ms) FROM session",
    extra_fields=(Field("job", Kind.INTEGER, "t.job_id", "Number of its job."),),
    revised=True,
)

ARTIFACTS = TableView(
    name="artifacts",
    title="Models",
    table="artifact",
    columns=(
        Column("agent", "agent", Kind.TEXT, 18, "t.agent", "What learned it."),
        Column("version", "version", Kind.INTEGER, 7, "t.version", "Counts up, an agent."),
        Column(
            "status",
            "status",
            Kind.STATE,
            9,
            "t.status",
            "Candidate, champion or retired.",
            values=("candidate", "champion", "retired"),
        ),
        Column("metric", "metric", Kind.TEXT, 14, "t.metric", "Its primary metric."),
        Column("value", "value", Kind.NUMBER, 9, "t.value", "Out of sample.", nullable=True),
        Column("baseline", "baseline", Kind.NUMBER, 9, "t.baseline", "What is to be beaten.", nullable=True),
        Column("size", "size", Kind.BYTES, 9, "t.size", "Bytes of its files."),
        Column("created", "created", Kind.TIME, 16, "t.created_ms", "When it was stored."),
        Column("reason", "why", Kind.TEXT, 50, "t.reason", "Why it is champion, or why not."),
        Column("session", "session", Kind.INTEGER, 7, "t.session_id", "Number of its session."),
        Column("id", "#", Kind.INTEGER, 6, "t.id", "Number of the artefact.", indexed=True),
    ),
    default_sort=Sort("id"),
    text_sql="t.agent || ' ' || t.status || ' ' || t.metric || ' ' || t.reason",
    since_sql="t.created_ms >= {instant}",
    until_sql="t.created_ms <= {instant}",
    newest_sql="SELECT max(created_ms) FROM artifact",
    extra_fields=(
        Field("sha256", Kind.TEXT, "t.sha256", "Of its manifest."),
        Field("provenance", Kind.TEXT, "t.provenance", "Where its data come from."),
    ),
    revised=True,
)

EVENTS = TableView(
    name="events",
    title="Events",
    table="event",
    columns=(
        Column("time", "time", Kind.TIME, 16, "t.ts_ms", "When it happened."),
        Column(
            "severity",
            "severity",
            Kind.STATE,
            8,
            "t.severity",
            "How bad it is.",
            values=("info", "warning", "error"),
        ),
        Column("kind", "kind", Kind.TEXT, 20, "t.kind", "What kind of event."),
        Column("subject", "subject", Kind.TEXT, 20, "t.subject", "What it is about."),
        Column("text", "text", Kind.TEXT, 60, "t.text", "What happened."),
        Column("id", "#", Kind.INTEGER, 8, "t.id", "Number of the event.", indexed=True),
    ),
    default_sort=Sort("id"),
    text_sql="t.kind || ' ' || t.subject || ' ' || t.text",
    since_sql="t.ts_ms >= {instant}",
    until_sql="t.ts_ms <= {instant}",
    newest_sql="SELECT ts_ms FROM event ORDER BY id DESC LIMIT 1",
)
