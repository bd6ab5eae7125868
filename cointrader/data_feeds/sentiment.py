"""Sentiment of recorded texts: short messages, headlines, and the mean of both over a span of time."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, overload

from cointrader.data_feeds.cache.db_connector import DBConnector
from cointrader.data_feeds.lines import LineReader
from cointrader.data_feeds.news import MARKET
from cointrader.data_feeds.records.cleaning import DataCleaner
from cointrader.data_feeds.records.normalising import make_record
from cointrader.data_feeds.sentiment_score import score_text

Record = dict[str, Any]
Keywords = list[str] | tuple[str, ...]
WINDOW_HOURS = 24.0
_TIMES = ("timestamp", "created_at", "date", "time")
_TEXTS = ("text", "full_text", "tweet", "content", "body")
_TITLES = ("title", "headline")


class TwitterSentiment:
    """Short messages about a keyword, from a file of JSON lines or CSV, or as they are recorded."""

    type = "twitter_sentiment"
    _source_name = "twitter"
    _text_field = "text"
    _text_names: tuple[str, ...] = _TEXTS

    def __init__(self, source: Path | str | None = None, *, db: DBConnector | None = None) -> None:
        self._file = None if source is None else Path(source)
        self._db = db or DBConnector()

    def fetch_sentiment(self, keyword: str, limit: int | None = None) -> list[Record]:
        """The records about a keyword, in order of time, the newest `limit` of them.

        A message counts when it holds the keyword; its own score is kept where it has one.
        """
        return self._fetch(keyword, limit)

    def _fetch(self, keyword: str, limit: int | None) -> list[Record]:
        if self._file is None:
            found = self._db.backfill(f"{self.type}:{keyword}")
            if self.type == "news_sentiment" and keyword != MARKET:
                found += [
                    each for each in self._db.backfill(f"{self.type}:{MARKET}") if _holds(each, keyword)
                ]
        else:
            found = [self._record(row, keyword) for row in _rows(self._file) if _holds(row, keyword)]
        ordered = sorted(found, key=lambda record: float(record["timestamp"]))
        return ordered if limit is None else ordered[-limit:]

    def _record(self, row: Mapping[str, Any], keyword: str) -> Record:
        text = str(_first(row, self._text_names) or "")
        said = row.get("sentiment")
        cleaned = DataCleaner().clean({self._text_field: text})
        data = {
            "type": self.type,
            "source": str(row.get("source") or self._source_name),
            "keyword": keyword,
            "sentiment": score_text(text) if said in (None, "") else float(str(said)),
            self._text_field: cleaned[self._text_field],
            "timestamp": _first(row, _TIMES),
        }
        return dict(make_record(data, provenance="import").data)


class NewsScraper(TwitterSentiment):
    """Headlines about a keyword, from a CSV or JSON lines file, or as they are recorded."""

    type = "news_sentiment"
    _source_name = "news"
    _text_field = "title"
    _text_names = (*_TITLES, *_TEXTS)

    def fetch_news(self, keyword: str, limit: int | None = None) -> list[Record]:
        """The headlines about a keyword (`market`: those of the whole market too), in order of time."""
        return self._fetch(keyword, limit)


class SentimentAggregator:
    """The mean sentiment of keywords over all recorded sources."""

    def __init__(self, db: DBConnector | None = None, *, window_hours: float = WINDOW_HOURS) -> None:
        self._db = db or DBConnector()
        self._window_s = window_hours * 3600.0
        self._twitter = TwitterSentiment(db=self._db)
        self._news = NewsScraper(db=self._db)

    def fetch_sentiment(self, keyword: str) -> list[Record]:
        """The recorded messages about a keyword."""
        return self._twitter.fetch_sentiment(keyword)

    def fetch_news(self, keyword: str) -> list[Record]:
        """The recorded headlines about a keyword."""
        return self._news.fetch_news(keyword)

    @overload
    def aggregate(self, keywords: str, at: float | None = None) -> Record | None: ...
    @overload
    def aggregate(self, keywords: Keywords, at: float | None = None) -> list[Record]: ...

    def aggregate(self, keywords: str | Keywords, at: float | None = None) -> Record | list[Record] | None:
        """The `aggregated_sentiment` of a keyword, or of each of several.

        The mean over the records of the window that ends at `at` (seconds; the newest record without one),
        every record counting the same. None, or no entry, for a keyword of which nothing is recorded there.
        """
        if isinstance(keywords, str):
            return self._one(keywords, at)
        return [found for keyword in keywords if (found := self._one(keyword, at)) is not None]

    def _one(self, keyword: str, at: float | None) -> Record | None:
        records = [*self.fetch_sentiment(keyword), *self.fetch_news(keyword)]
        if not records:
            return None
        end = max(float(each["timestamp"]) for each in records) if at is None else at
        heard = [each for each in records if end - self._window_s < float(each["timestamp"]) <= end]
        if not heard:
            return None
        return {
            "type": "aggregated_sentiment",
            "keyword": keyword,
            "aggregate_sentiment": sum(float(each["sentiment"]) for each in heard) / len(heard),
            "sources": sorted({str(each["source"]) for each in heard}),
            "count": len(heard),
            "timestamp": end,
        }


def _holds(row: Mapping[str, Any], keyword: str) -> bool:
    """Whether a row is about a keyword: named so, or with the word in its text; `market` is about all."""
    if keyword == MARKET or str(row.get("keyword", "")).lower() == keyword.lower():
        return True
    text = " ".join(str(row.get(name) or "") for name in (*_TITLES, *_TEXTS))
    return keyword.lower() in text.lower()


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file of JSON lines, or of a CSV file with a header."""
    lines = (line.decode("utf-8-sig", "replace") for _, line in LineReader(path))
    first = next(lines, "")
    if first.lstrip().startswith("{"):
        yield json.loads(first)
        yield from (json.loads(line) for line in lines if line.strip())
        return
    names = next(csv.reader([first.strip()]), [])
    yield from csv.DictReader(lines, fieldnames=[name.strip().lower() for name in names])
