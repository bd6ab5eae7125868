"""The same calls over a real Redis; skipped where no `redis-server` is installed."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cointrader.data_feeds.cache.db_connector import DBConnector
from cointrader.data_feeds.realtime import RealtimePublisher, RealtimeSubscriber
from cointrader.data_feeds.records.validation import RecordRefused
from storage.workspace import Workspace

redis = pytest.importorskip("redis")
SERVER = shutil.which("redis-server")
pytestmark = pytest.mark.skipif(SERVER is None, reason="redis-server is not installed")

PRICE: dict[str, Any] = {"symbol": "BTCUSDT", "price": 50000.0, "volume": 10.0, "timestamp": 1234567890.0}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a Redis of these tests' own, which keeps nothing on disk."""
    folder = tmp_path_factory.mktemp("redis")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    command = [str(SERVER), "--port", str(number), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with (
        open(folder / "log", "wb") as log,
        subprocess.Popen([*command, "--dir", str(folder)], stdout=log, stderr=log) as server,
    ):
        retry = redis.retry.Retry(redis.backoff.ConstantBackoff(0.05), 200)
        client = redis.Redis(port=number, retry=retry, retry_on_error=[redis.exceptions.ConnectionError])
        assert client.ping()
        client.close()
        yield number
        server.terminate()


@pytest.fixture
def client(port: int) -> Iterator[Any]:
    """A plain client, as another agent would have; the database is empty."""
    plain = redis.Redis(port=port, decode_responses=True)
    plain.flushall()
    yield plain
    plain.close()


@pytest.fixture
def db(port: int, client: Any, workspace: Workspace) -> Iterator[DBConnector]:
    with DBConnector("127.0.0.1", port, workspace=workspace) as opened:
        yield opened


def test_records_come_back_typed_and_in_order(db: DBConnector) -> None:
    for moment in (30, 10, 20):
        db.store({**PRICE, "timestamp": 1.5e9 + moment, "count": moment})
    found = db.backfill("crypto_price:*")
    assert [each["count"] for each in found] == [10, 20, 30]
    assert found[0] == {**PRICE, "type": "crypto_price", "timestamp": 1500000010.0, "count": 10}
    assert db.retrieve("crypto_price:BTC/USDT") == found[-1]
    assert db.backfill("crypto_price:*", limit=1) == found[:1] and db.count() == 3


def test_two_records_of_one_moment_are_two_records(db: DBConnector) -> None:
    first = db.store(PRICE)
    second = db.store({**PRICE, "price": 50001.0})
    assert first == "data_feed:1234567890.0:BTCUSDT:crypto_price" and second.startswith(f"{first}:")
    assert [each["price"] for each in db.backfill("data_feed:*:BTCUSDT:*")] == [50000.0, 50001.0]


def test_an_order_book_is_kept_and_readable_by_others(db: DBConnector, client: Any) -> None:
    key = db.store({"symbol": "BTCUSDT", "bids": [[99.0, 1.0]], "asks": [[100.0, 2.0]], "timestamp": 1.5e9})
    assert db.backfill("order_book:*")[0]["bids"] == [[99.0, 1.0]]
    assert client.hget(key, "bids") == "[[99.0, 1.0]]" and client.hget(key, "symbol") == "BTCUSDT"
    assert 0 < client.ttl(key) <= 86_400


def test_what_another_agent_wrote_as_texts_is_typed_by_its_schema(db: DBConnector, client: Any) -> None:
    client.hset(
        "data_feed:1500000000.5:ETHUSDT:crypto_price",
        mapping={"symbol": "ETHUSDT", "price": "250.5", "volume": "3", "timestamp": "1500000000.5"},
    )
    client.hset("data_feed:1500000001.0:ETHUSDT:crypto_price", mapping={"price": "__import__('os')"})
    (found,) = db.backfill("crypto_price:ETH*")
    assert found["price"] == 250.5 and found["timestamp"] == 1500000000.5


def test_a_bad_record_is_refused_and_kept_apart(db: DBConnector, client: Any) -> None:
    with pytest.raises(RecordRefused):
        db.store({**PRICE, "price": 0.0})
    assert '"field": "price"' in client.lrange("cointrader:quarantine", 0, -1)[0]
    assert db.count() == 0


def test_records_of_a_redis_come_into_the_workspace_once(db: DBConnector, workspace: Workspace) -> None:
    db.store(PRICE)
    db.store({**PRICE, "price": 50001.0})
    with DBConnector(workspace=workspace) as here:
        assert here.copy_from(db) == 2
        assert here.copy_from(db) == 0
        assert [each["price"] for each in here.backfill("crypto_price:*")] == [50000.0, 50001.0]


def test_a_message_is_heard_through_the_server_and_what_is_no_json_is_not(
    port: int, client: Any, eventually: Any
) -> None:
    heard: list[tuple[str, dict[str, Any]]] = []
    subscriber = RealtimeSubscriber("127.0.0.1", port)
    subscriber.subscribe(["crypto_price:*"], lambda *message: heard.append(message))
    client.publish("crypto_price:X", "{'price': __import__('os')}")
    publisher = RealtimePublisher("127.0.0.1", port)
    assert publisher.publish("crypto_price:BTCUSDT", {"price": 1.5}) == 1
    eventually(lambda: heard)
    subscriber.stop()
    assert publisher.publish("crypto_price:BTCUSDT", {"price": 2.5}) == 0
    subscriber.close()
    publisher.close()
    assert heard == [("crypto_price:BTCUSDT", {"price": 1.5})]


def test_without_the_extra_the_advice_is_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    with pytest.raises(ImportError, match=r"cointrader-console\[redis\]"):
        DBConnector("127.0.0.1", workspace=tmp_path)
