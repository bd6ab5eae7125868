"""Keys: every binding has an id, a keymap moves it, and what cannot be used is said."""

from __future__ import annotations

from pathlib import Path

from textual.binding import Binding

from tui.key_reference import key_reference
from tui.keymap import Place, check_keymap, checked, everywhere, normalised, places

KEYS_PAGE = Path(__file__).parents[2] / "docs" / "keys.md"


def binding(id: str, keys: str) -> Binding:
    return Binding(keys, "act", "does it", id=id)


TABLE = Place("Table", (binding("table.down", "down,j"), binding("table.sort", "o")))
DIALOG = Place("Dialog", (binding("confirm.yes", "y"),))
COMMON = (binding("app.help", "question_mark"), binding("app.quit", "ctrl+q"))


def test_the_key_reference_is_current() -> None:
    """`python -m tui.key_reference > docs/keys.md` makes it so."""
    assert KEYS_PAGE.read_text(encoding="utf-8") == key_reference()


def test_every_binding_of_the_console_has_an_id() -> None:
    nameless = [
        (place.title, item.key)
        for place in [Place("app", everywhere()), *places()]
        for item in place.bindings
        if item.id is None
    ]
    assert nameless == []


def test_no_two_actions_of_one_widget_share_a_key() -> None:
    for place in places():
        owners: dict[str, set[str | None]] = {}
        for item in place.bindings:
            scope = (item.id or "").split(".")[0]
            for key in normalised(item.key):
                owners.setdefault(f"{scope} {key}", set()).add(item.id)
        assert {key: ids for key, ids in owners.items() if len(ids) > 1} == {}, place.title


def test_a_known_id_is_moved() -> None:
    assert checked({"table.sort": "s"}, COMMON, [TABLE]).keymap == {"table.sort": "s"}


def test_an_unknown_id_is_said_and_left_out() -> None:
    result = checked({"table.srot": "s", "table.sort": "x"}, COMMON, [TABLE])
    assert result.keymap == {"table.sort": "x"}
    assert "table.srot" in result.complaints[0] and "docs/keys.md" in result.complaints[0]


def test_a_key_that_another_action_has_in_the_same_place_is_a_clash() -> None:
    result = checked({"table.sort": "j"}, COMMON, [TABLE])
    assert result.keymap == {} and "table.down" in result.complaints[0]
    assert checked({"table.sort": "?"}, COMMON, [TABLE]).keymap == {}


def test_the_same_key_in_different_places_is_no_clash() -> None:
    assert checked({"table.sort": "y"}, COMMON, [TABLE, DIALOG]).complaints == ()


def test_two_widgets_of_a_screen_may_have_the_same_key_for_only_one_has_the_focus() -> None:
    screen = Place("Screen", (binding("screen.filter", "slash"),), (TABLE.own, (binding("rules.down", "j"),)))
    assert checked({"rules.down": "j,o"}, COMMON, [screen]).complaints == ()
    assert "screen.filter" in checked({"rules.down": "/"}, COMMON, [screen]).complaints[0]


def test_two_actions_may_exchange_their_keys() -> None:
    swapped = {"table.sort": "down,j", "table.down": "o"}
    assert checked(swapped, COMMON, [TABLE]).keymap == swapped


def test_ctrl_q_stays_the_way_out() -> None:
    result = checked({"app.quit": "Q"}, COMMON, [TABLE])
    assert result.keymap == {} and "ctrl+q" in result.complaints[0]
    assert checked({"table.sort": "ctrl+q"}, COMMON, [TABLE]).keymap == {}


def test_keys_that_are_no_list_are_said() -> None:
    assert "not a list" in checked({"table.sort": "s,,x"}, COMMON, [TABLE]).complaints[0]


def test_the_real_console_accepts_a_sensible_keymap() -> None:
    result = check_keymap({"table.down": "down,j,ctrl+n", "app.help": "f1,?"})
    assert result.complaints == () and set(result.keymap) == {"table.down", "app.help"}
