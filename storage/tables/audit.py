"""What happened, and the counter that numbers changes."""

from sqlmodel import Field, SQLModel

from storage.tables.columns import defaulted


class Revision(SQLModel, table=True):
    """The one row whose value numbers every change of a browsed table."""

    __tablename__ = "revision"

    id: int | None = Field(default=None, primary_key=True)
    value: int


class Event(SQLModel, table=True):
    """Something worth telling the operator; rows are only ever added."""

    __tablename__ = "event"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    ts_ms: int
    kind: str
    severity: str  # info, warning, error
    subject: str
    text: str
    data_json: str = defaulted("{}")
