"""The size of an order by hand is what its number says in every country, or it is refused."""

from __future__ import annotations

import pytest

from tui.screens.order_form import amount_of


@pytest.mark.parametrize("typed", ["0,5", "1,000", "1.500,00", ","])
def test_a_comma_is_refused_as_it_may_stand_for_decimals(typed: str) -> None:
    assert "without a comma" in amount_of(typed)[1]


@pytest.mark.parametrize(("typed", "amount"), [("0.5", 0.5), ("1500", 1500.0), (" 2e-3 ", 0.002)])
def test_a_plain_number_is_taken_as_it_stands(typed: str, amount: float) -> None:
    assert amount_of(typed) == (amount, "")
