"""Any part of any browsed table, at about the cost of the rows that are shown."""

from storage.pages.anchors import EVERY, Anchors
from storage.pages.keyset import PageSource
from storage.pages.order import Key, Row, Value, id_of, key_of
from storage.pages.view import TEXTUAL, Column, Field, Kind, Sort, TableView
from storage.pages.views import VIEWS, get_view

__all__ = [
    "EVERY",
    "TEXTUAL",
    "VIEWS",
    "Anchors",
    "Column",
    "Field",
    "Key",
    "Kind",
    "PageSource",
    "Row",
    "Sort",
    "TableView",
    "Value",
    "get_view",
    "id_of",
    "key_of",
]
