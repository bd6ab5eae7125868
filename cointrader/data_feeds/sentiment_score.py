"""How a text sounds, from -1 (bad) to 1 (good), by a library with its own lexicon; nothing is downloaded."""

from __future__ import annotations

from cointrader.data_feeds.records.cleaning import clean_text


def score_text(text: str) -> float:
    """The polarity of a text, 0 where it says nothing of the kind.

    TextBlob's pattern analyser: the mean polarity of the words it knows, turned by negations and weighed by
    adverbs (De Smedt and Daelemans 2012, "Pattern for Python"). The library is loaded on first use.
    """
    from textblob import TextBlob

    return float(TextBlob(clean_text(text)).sentiment.polarity)
