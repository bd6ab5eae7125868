"""Setups as rows: each moment once, its collection counted in the same transaction, refusals by reason."""

import sqlite3
from dataclasses import replace

import pytest

from storage.collection import Refused, collection_of, collections, note_collection_error, refusals
from storage.database import transaction
from storage.errors import StorageError
from storage.revision import current_rev
from storage.setups import (
    NewSetup,
    PackFile,
    add_setups,
    count_training,
    get_setup,
    known_moments,
    packs,
    setup_at,
    setups_after,
)

MINUTE = 60_000
PACK = PackFile("datasets/setups/a.safetensors", "a" * 64, 1_000, 3, "setup-1")


def new_setup(ts_ms: int, pack_row: int = 0, **values: object) -> NewSetup:
    made = NewSetup(
        ts_ms=ts_ms,
        symbol="BTC/USDT",
        timeframe_ms=MINUTE,
        origin="extreme",
        side="long",
        taken=2,
        signal_id=None,
        price=100.0,
        completeness=0.7,
        flags=0b1101100111,
        rapid=0,
        velocity=0.1,
        spike=None,
        extreme=-1,
        sha256=f"{ts_ms:064x}",
        md5=f"{ts_ms:032x}",
        pack_row=pack_row,
        provenance="import",
    )
    return made._replace(**values)


def add(connection: sqlite3.Connection, *rows: NewSetup, until_ms: int = 10, **others: object) -> int:
    pack = others.pop("pack", PACK)
    return add_setups(
        connection, pack, rows, symbol="BTC/USDT", timeframe_ms=MINUTE, until_ms=until_ms, **others
    )


def test_a_moment_is_stored_once_and_stays_as_it_was(connection: sqlite3.Connection) -> None:
    assert add(connection, new_setup(1), new_setup(2, 1)) == 2
    assert add(connection, new_setup(2, price=7.0), new_setup(3), pack=replace(PACK, sha256="b" * 64)) == 1
    assert [(row.ts_ms, row.price) for row in setups_after(connection, "BTC/USDT", MINUTE, 0, 9)] == [
        (1, 100.0),
        (2, 100.0),
        (3, 100.0),
    ]
    assert add(connection, new_setup(1), new_setup(3), pack=replace(PACK, sha256="c" * 64)) == 0
    assert [file.sha256[0] for file in packs(connection)] == ["a", "b"], (
        "a pack that brings nothing has no row"
    )
    assert known_moments(connection, "BTC/USDT", MINUTE, 2, 3) == {2, 3}


def test_the_same_moment_of_another_series_is_another_setup(connection: sqlite3.Connection) -> None:
    add(connection, new_setup(1))
    for symbol, timeframe_ms in (("ETH/USDT", MINUTE), ("BTC/USDT", 5 * MINUTE)):
        row = new_setup(1, symbol=symbol, timeframe_ms=timeframe_ms)
        added = add_setups(connection, PACK, [row], symbol=symbol, timeframe_ms=timeframe_ms, until_ms=1)
        assert added == 1
    assert len(packs(connection)) == 1 and len(collections(connection)) == 3


def test_counts_and_refusals_add_up_over_collections(connection: sqlite3.Connection) -> None:
    add(
        connection,
        new_setup(1),
        new_setup(2, rapid=1, completeness=0.9),
        until_ms=5,
        refused={"gap": Refused(3, 4, "BTC/USDT at 4: bars are missing")},
    )
    add(
        connection,
        new_setup(2),
        until_ms=3,
        refused={"gap": Refused(2, 9, "at 9"), "stale": Refused(1, 1, "s")},
    )
    row = collection_of(connection, "BTC/USDT", MINUTE)
    assert row is not None
    assert (row.collected, row.refused, row.rapid, row.last_ts_ms) == (2, 6, 1, 5), "it never goes back"
    assert row.mean_completeness == pytest.approx(0.8)
    assert refusals(connection, row.id) == {"gap": Refused(5, 9, "at 9"), "stale": Refused(1, 1, "s")}


def test_nothing_is_kept_of_a_part_that_cannot_be_written_whole(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        add(connection, new_setup(1), new_setup(2, signal_id=99), refused={"gap": Refused(1, 1, "")})
    assert setups_after(connection, "BTC/USDT", MINUTE, 0, 9) == []
    assert packs(connection) == [] and collections(connection) == []


def test_setups_without_their_pack_are_refused(connection: sqlite3.Connection) -> None:
    with pytest.raises(StorageError, match="pack that holds their arrays"):
        add(connection, new_setup(1), pack=None)


def test_it_can_be_part_of_a_greater_transaction(connection: sqlite3.Connection) -> None:
    with pytest.raises(RuntimeError), transaction(connection):
        add(connection, new_setup(1))
        raise RuntimeError
    assert setup_at(connection, "BTC/USDT", MINUTE, 1) is None


def test_every_change_has_a_revision(connection: sqlite3.Connection) -> None:
    add(connection, new_setup(1))
    first = setup_at(connection, "BTC/USDT", MINUTE, 1)
    assert first is not None and first.rev == current_rev(connection) == collections(connection)[0].rev
    count_training(connection, {first.id: 3})
    count_training(connection, {first.id: 2})
    row = get_setup(connection, first.id)
    assert row.training_count == 5 and row.rev == current_rev(connection) > first.rev


def test_an_error_is_remembered_and_moves_nothing(connection: sqlite3.Connection) -> None:
    note_collection_error(connection, "BTC/USDT", MINUTE, "close of bar 7 is nan")
    add(connection, new_setup(1), until_ms=50)
    note_collection_error(connection, "BTC/USDT", MINUTE, "close of bar 9 is nan")
    row = collection_of(connection, "BTC/USDT", MINUTE)
    assert row is not None and (row.last_error, row.last_ts_ms) == ("close of bar 9 is nan", 50)


def test_what_does_not_exist_is_said(connection: sqlite3.Connection) -> None:
    with pytest.raises(StorageError, match="no setup 7"):
        get_setup(connection, 7)
    assert setup_at(connection, "BTC/USDT", MINUTE, 7) is None
    assert collection_of(connection, "BTC/USDT", MINUTE) is None
