"""Prioritised experience replay: a sum tree a pool, draws that know their own chance, counts with a cap."""
