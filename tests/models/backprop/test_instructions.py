"""oneDNN is held to the instructions that a session was begun with."""

from __future__ import annotations

import pytest

from models.backprop import instructions
from models.backprop.instructions import VARIABLE, machine_isa, onednn_isa, pin_onednn


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with AVX2, where nothing was chosen yet."""
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setattr(instructions, "_flags", lambda: frozenset({"sse4_1", "avx", "avx2"}))


@pytest.mark.parametrize(
    ("recorded", "held"),
    [("", "AVX2"), ("AVX", "AVX"), ("AVX2", "AVX2"), ("AVX512_CORE", "AVX2"), ("AVX10_9", "AVX2")],
)
def test_a_process_is_held_to_what_was_recorded_as_far_as_the_machine_has_it(
    machine: None, recorded: str, held: str
) -> None:
    assert pin_onednn(recorded) == onednn_isa() == held


def test_what_was_chosen_before_stays(machine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "sse41")
    assert pin_onednn("AVX2") == onednn_isa() == "SSE41"


def test_a_machine_that_does_not_tell_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setattr(instructions, "_flags", frozenset)
    assert machine_isa() == "DEFAULT"
    assert pin_onednn() == "DEFAULT"
