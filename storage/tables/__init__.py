"""The tables as SQLModel classes: what Alembic compares a database with when a migration is written.

Readers and writers use plain SQL on the same names: rows go in through the driver's executemany and
come out as tuples, which is many times faster than objects. Nothing outside of the migrations and
their tests imports this package; it loads SQLAlchemy.
"""
