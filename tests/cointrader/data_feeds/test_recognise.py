"""A file is what its first bytes say, whatever its name; what nobody knows is described."""

import zlib
from pathlib import Path

import pytest

from cointrader.data_feeds.recognise import READERS, SourceContent, kinds, recognise, why_unknown
from tests.cointrader.data_feeds.candle_texts import FIXTURES, HEADER, bars


@pytest.mark.parametrize(
    ("head", "name", "said"),
    [
        (b"", "x.csv", "is empty"),
        (b" \n\n", "x.csv", "has only blank lines"),
        (b"<!DOCTYPE html><html>", "tradesv3.sqlite", "is an HTML page (a download that failed"),
        (b"\n<html><body>", "BTC.csv.gz", ", not a CSV file as its name says"),
        (b"<?xml version='1.0'?>", "x.json", "is an XML document, not JSON as its name says"),
        (b"SQLite format 3\x00....", "x.sqlite", "is a SQLite database of no program that is known"),
        (b"\x80\x04\x95abc", "model.pkl", "is a Python pickle, which is never loaded"),
        (b"\x28\xb5\x2f\xfd...", "x.csv.zst", "is compressed with zstd; unpack it first"),
        (b"\x00\x01\x02", "x.db", "is binary data of no known kind"),
        (b'{"a": 1}', "x.json", "is JSON of no known kind"),
        (b"a,b\n1,2\n", "x.csv", "is text of no known kind; its first line reads: a,b"),
    ],
)  # fmt: skip
def test_a_file_that_nobody_knows_is_described(head: bytes, name: str, said: str) -> None:
    assert said in why_unknown(head, name)


def test_every_reader_has_a_name_of_its_own_and_candles_are_asked_last() -> None:
    names = [kind.name for kind in kinds()]
    assert len(set(names)) == len(names)
    assert names[-1] == "candles"
    assert len(READERS) == len(set(READERS))


@pytest.mark.parametrize("name", ["trades.csv", "page.html", "BTCUSDT.feather", "x"])
def test_the_name_does_not_decide(name: str) -> None:
    found = recognise("\n".join([HEADER, *bars(5)]).encode(), name)
    assert found is not None
    assert found[1].kind == "candles.header"


def test_what_a_file_or_its_name_says_is_told_and_the_rest_is_a_question() -> None:
    text = "\n".join([HEADER, *bars(5)]).encode()
    found = recognise(text, "kraken_XBTUSD_5m.csv")
    assert found is not None
    assert (found[1].symbol, found[1].timeframe, found[1].questions) == ("BTC/USD", "5m", ())
    found = recognise(text, "prices.csv")
    assert found is not None
    assert [question.option for question in found[1].questions] == ["symbol"]


def test_no_reader_stumbles_over_odd_beginnings() -> None:
    heads = [
        b"\xff\xfe" * 50,
        b"[" * 1000,
        b"{" * 1000,
        b"[[",
        b"\n" * 100,
        b",,,,,,",
        b"1",
        b"\x00" * 65_536,
    ]
    heads += [path.read_bytes()[:400] for path in sorted(FIXTURES.iterdir()) if path.is_file()]
    for head in heads:
        for name in ("", "x.csv", "trades.json", ".gz", "bot.log"):
            recognise(head, name)


def test_the_head_of_a_gzip_stream_is_its_content_even_where_it_is_cut(tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "x.gz"
    whole = b"0123456789" * 20_000
    path.write_bytes(gzip.compress(whole)[:-10])
    assert SourceContent(path).head(1_000) == whole[:1_000]
    path.write_bytes(gzip.compress(b"ab") + gzip.compress(b"cd"))
    assert SourceContent(path).head() == b"abcd"
    path.write_bytes(b"\x1f\x8bgarbage")
    with pytest.raises(zlib.error):
        SourceContent(path).head()
