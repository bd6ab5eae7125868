"""The layout, the digests and the norms of a step are those of the learning side."""

import numpy as np
import pytest

from models.digest import weights_digest
from models.step_journal import JournalLayout
from storage.journal import (
    JournalError,
    Layout,
)
from storage.journal.digests import LayerNorms, StateDigest
from tests.storage.journal_world import (
    LAYOUT,
    made_step,
)


def test_the_layout_is_that_of_the_learning_side() -> None:
    text = LAYOUT.to_json()
    theirs = JournalLayout.from_json(text)
    assert (theirs.to_json(), Layout.from_json(text)) == (text, LAYOUT)
    assert (theirs.gradient_size, theirs.state_bytes) == (LAYOUT.gradient_size, LAYOUT.state_bytes)
    assert theirs.layers == LAYOUT.layers == ("trunk", "head")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"tensors": [{"name": "a"}]}',
        LAYOUT.to_json().replace('"buffer"', '"butter"'),
        LAYOUT.to_json().replace("float32", "float33"),
        LAYOUT.to_json().replace("trunk.bias", "trunk.weight"),
    ],
)
def test_what_is_no_layout_is_refused(text: str) -> None:
    with pytest.raises(JournalError, match="no layout"):
        Layout.from_json(text)


def test_the_digest_of_a_step_is_that_of_checkpoints() -> None:
    state = made_step(3).state
    weights = JournalLayout.from_json(LAYOUT.to_json()).tensors_of(state)
    assert weights["norm.count"].shape == ()
    assert StateDigest(LAYOUT).of(state) == weights_digest(weights)


def test_norms_are_those_of_the_layers() -> None:
    gradient = made_step(1).gradient
    theirs = JournalLayout.from_json(LAYOUT.to_json()).layer_norms(gradient)
    np.testing.assert_allclose(LayerNorms(LAYOUT).of(gradient), list(theirs.values()), rtol=1e-12)


def test_norms_of_large_gradients_do_not_overflow() -> None:
    gradient = np.full(LAYOUT.gradient_size, 1e30, np.float32)
    np.testing.assert_allclose(LayerNorms(LAYOUT).of(gradient), [1e30 * 620**0.5, 1e30 * 60**0.5], rtol=1e-6)
