"""Validation without leakage: a label that reaches into the test block may not be trained on."""
