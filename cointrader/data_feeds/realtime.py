"""Channels inside one process: what is published is heard at once by those who asked for it.

Messages travel as JSON, as they would through a broker: what a subscriber gets is its own copy, and what is
no JSON is refused where it is published. With a `host` the channels are those of a Redis.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Protocol

Callback = Callable[[str, dict[str, Any]], None]
"""Called with the channel and the message."""


class Subscription(Protocol):
    """A wish to hear some channels."""

    def end(self) -> None:
        """Hear nothing any more."""
        ...


class Channels(Protocol):
    """A medium that messages travel through."""

    def publish(self, channel: str, message: str) -> int:
        """Sends a text; returns how many hear it."""
        ...

    def subscribe(self, patterns: tuple[str, ...], hear: Callable[[str, str], None]) -> Subscription:
        """Hears the channels that match."""
        ...

    def close(self) -> None:
        """Ends the use of the medium."""
        ...


class _Listener:
    def __init__(
        self, hub: LocalChannels, patterns: tuple[str, ...], hear: Callable[[str, str], None]
    ) -> None:
        self._hub, self.patterns, self.hear = hub, patterns, hear

    def end(self) -> None:
        self._hub.leave(self)


class LocalChannels:
    """Channels of this process; a message is heard in the publisher's thread, before `publish` returns."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[_Listener] = []

    def publish(self, channel: str, message: str) -> int:
        """Everybody hears it, even when one of them fails; then what failed is raised as one group."""
        with self._lock:
            hearing = [each for each in self._listeners if _hears(each.patterns, channel)]
        failures: list[Exception] = []
        for listener in hearing:
            try:
                listener.hear(channel, message)
            except Exception as error:
                failures.append(error)
        if failures:
            raise ExceptionGroup(f"{len(failures)} of {len(hearing)} that hear {channel} failed", failures)
        return len(hearing)

    def subscribe(self, patterns: tuple[str, ...], hear: Callable[[str, str], None]) -> Subscription:
        listener = _Listener(self, patterns, hear)
        with self._lock:
            self._listeners.append(listener)
        return listener

    def leave(self, listener: _Listener) -> None:
        """Takes a listener out; one that has left already stays out."""
        with self._lock:
            self._listeners = [each for each in self._listeners if each is not listener]

    def close(self) -> None:
        """Other parts of the process may still use the channels: nothing ends."""


def _hears(patterns: tuple[str, ...], channel: str) -> bool:
    return any(fnmatchcase(channel, pattern) for pattern in patterns)


THIS_PROCESS = LocalChannels()
"""The channels that publishers and subscribers of this process share."""


class RealtimePublisher:
    """Publishes records on channels named like their types (`crypto_price`, or `crypto_price:BTCUSDT`)."""

    def __init__(
        self, host: str | None = None, port: int = 6379, db: int = 0, *, channels: Channels | None = None
    ) -> None:
        self._channels = channels or _channels(host, port, db)

    def publish(self, channel: str, data: Mapping[str, Any]) -> int:
        """Sends a record; returns how many hear it. Raises ValueError or TypeError for what is no JSON.

        What subscribers in this process raise comes out as an ExceptionGroup, after all have heard it.
        """
        return self._channels.publish(channel, json.dumps(dict(data), ensure_ascii=False, allow_nan=False))

    def close(self) -> None:
        """Ends the use of the channels."""
        self._channels.close()


class RealtimeSubscriber:
    """Hears channels."""

    def __init__(
        self, host: str | None = None, port: int = 6379, db: int = 0, *, channels: Channels | None = None
    ) -> None:
        self._channels = channels or _channels(host, port, db)
        self._subscriptions: list[Subscription] = []

    def subscribe(self, channels: str | Iterable[str], callback: Callback) -> None:
        """Calls `callback(channel, record)` for every message on these channels (patterns with `*`).

        Returns at once. Messages of a Redis that are no JSON objects are passed over with a warning.
        """
        patterns = (channels,) if isinstance(channels, str) else tuple(channels)

        def hear(channel: str, message: str) -> None:
            callback(channel, json.loads(message))

        self._subscriptions.append(self._channels.subscribe(patterns, hear))

    def stop(self) -> None:
        """Hears nothing any more; subscribing again is possible."""
        for subscription in self._subscriptions:
            subscription.end()
        self._subscriptions.clear()

    def close(self) -> None:
        """Stops and ends the use of the channels."""
        self.stop()
        self._channels.close()


def _channels(host: str | None, port: int, db: int) -> Channels:
    if host is None:
        return THIS_PROCESS
    from cointrader.data_feeds.cache.redis_channels import RedisChannels

    return RedisChannels(host, port, db)
