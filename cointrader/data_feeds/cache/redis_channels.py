"""Channels of a Redis: heard by a thread of each subscription."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cointrader.data_feeds.cache.redis_store import connect

if TYPE_CHECKING:
    from redis.client import PubSub

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.1


class RedisSubscription:
    """One wish to hear channels, with the thread that hears them."""

    def __init__(self, heard: PubSub, hear: Callable[[str, str], None]) -> None:
        self._heard, self._hear = heard, hear
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="redis-subscription", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Hears nothing any more, once the message at hand is done with."""
        self._ended.set()
        if self._thread is not threading.current_thread():
            self._thread.join()
            self._heard.close()

    def _listen(self) -> None:
        while not self._ended.is_set():
            message = self._heard.get_message(ignore_subscribe_messages=True, timeout=LOOK_SECONDS)
            if message is not None:
                self._tell(message)

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            json.loads(message["data"])
        except ValueError:
            # Agents of other makes publish Python's own spelling; it is never evaluated.
            log.warning("a message on %s is no JSON and is passed over", message["channel"])
            return
        try:
            self._hear(message["channel"], message["data"])
        except Exception:
            # The edge of a thread: what the subscriber raised must not end the hearing of the next message.
            log.exception("a subscriber of %s failed", message["channel"])


class RedisChannels:
    """`Channels` over a Redis."""

    def __init__(self, host: str, port: int, db: int) -> None:
        self._client = connect(host, port, db)

    def publish(self, channel: str, message: str) -> int:
        """Sends a text; returns how many hear it, in whatever process."""
        return int(self._client.publish(channel, message))

    def subscribe(self, patterns: tuple[str, ...], hear: Callable[[str, str], None]) -> RedisSubscription:
        """Hears the channels that match, from the moment this returns."""
        heard = self._client.pubsub()  # type: ignore[no-untyped-call]
        heard.psubscribe(*patterns)
        for _ in patterns:
            # The server has confirmed each pattern before anybody publishes on it.
            heard.get_message(timeout=None)
        return RedisSubscription(heard, hear)

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()
