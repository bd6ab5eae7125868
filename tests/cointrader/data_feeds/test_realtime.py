"""Channels in one process: heard by those who asked, each with a copy of its own."""

from typing import Any

import pytest

from cointrader.data_feeds.realtime import LocalChannels, RealtimePublisher, RealtimeSubscriber

Heard = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def channels() -> LocalChannels:
    return LocalChannels()


def test_a_subscriber_hears_its_channels_and_patterns_only(channels: LocalChannels) -> None:
    heard: Heard = []
    subscriber = RealtimeSubscriber(channels=channels)
    subscriber.subscribe(["crypto_price", "order_book:*"], lambda *message: heard.append(message))
    publisher = RealtimePublisher(channels=channels)
    assert publisher.publish("crypto_price", {"price": 1.5}) == 1
    assert publisher.publish("order_book:BTCUSDT", {"bids": []}) == 1
    assert publisher.publish("slippage", {"slippage": 0.1}) == 0
    assert heard == [("crypto_price", {"price": 1.5}), ("order_book:BTCUSDT", {"bids": []})]


def test_after_stop_nothing_is_heard_until_the_next_subscription(channels: LocalChannels) -> None:
    heard: Heard = []
    subscriber = RealtimeSubscriber(channels=channels)
    subscriber.subscribe("*", lambda *message: heard.append(message))
    publisher = RealtimePublisher(channels=channels)
    publisher.publish("a", {})
    subscriber.stop()
    publisher.publish("b", {})
    subscriber.subscribe("*", lambda *message: heard.append(message))
    publisher.publish("c", {})
    subscriber.close()
    assert [channel for channel, _ in heard] == ["a", "c"]


def test_a_subscriber_cannot_change_what_others_hear(channels: LocalChannels) -> None:
    sent, heard = {"levels": [1, 2]}, []
    for _ in range(2):
        RealtimeSubscriber(channels=channels).subscribe(
            "*", lambda _, data: heard.append(data["levels"].pop())
        )
    RealtimePublisher(channels=channels).publish("x", sent)
    assert heard == [2, 2] and sent == {"levels": [1, 2]}


def test_one_that_fails_keeps_nobody_from_hearing(channels: LocalChannels) -> None:
    heard: Heard = []

    def fail(channel: str, data: dict[str, Any]) -> None:
        raise RuntimeError("deaf")

    RealtimeSubscriber(channels=channels).subscribe("*", fail)
    RealtimeSubscriber(channels=channels).subscribe("*", lambda *message: heard.append(message))
    with pytest.raises(ExceptionGroup) as caught:
        RealtimePublisher(channels=channels).publish("x", {"a": 1})
    assert [str(error) for error in caught.value.exceptions] == ["deaf"]
    assert heard == [("x", {"a": 1})]


def test_what_is_no_json_is_refused_where_it_is_published(channels: LocalChannels) -> None:
    with pytest.raises(ValueError):
        RealtimePublisher(channels=channels).publish("x", {"price": float("nan")})


def test_publishers_and_subscribers_of_a_process_share_its_channels() -> None:
    heard: Heard = []
    subscriber = RealtimeSubscriber()
    subscriber.subscribe("shared:*", lambda *message: heard.append(message))
    RealtimePublisher().publish("shared:1", {"n": 1})
    subscriber.close()
    assert heard == [("shared:1", {"n": 1})]
