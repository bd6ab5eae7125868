"""The filter language: `symbol:btc side:long pnl>0 reason:exposure since:7d !strategy:grid "free text"`.

Terms beside each other must all hold; `|` is or, `!` is not, round brackets group. `:` means contains
for text and equals for numbers and times; `>`, `>=`, `<`, `<=`, `=` and `!=` compare. `since:` and
`until:` take a time back (`7d`, `12h`), a day (`2024-09-01`), a time of a day, `today` or `yesterday`;
what is relative counts back from the newest row, if that is older than now.
"""

from storage.errors import FilterError
from storage.filters.compile import CompiledFilter, compile_filter
from storage.filters.complete import Completion, complete

__all__ = ["CompiledFilter", "Completion", "FilterError", "compile_filter", "complete"]
