"""Single rows are computed with one thread, and whatever comes after them with as many as before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from models.one_thread import one_thread

pytestmark = pytest.mark.xdist_group("torch")


@pytest.fixture
def two_threads() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_the_number_of_threads_is_what_it_was_also_after_an_error() -> None:
    import torch

    with one_thread():
        assert torch.get_num_threads() == 1
        with one_thread():
            assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    with pytest.raises(ValueError, match="no such row"), one_thread():
        raise ValueError("no such row")
    assert torch.get_num_threads() == 2
