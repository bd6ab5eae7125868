"""Mean reversion: the Ornstein-Uhlenbeck fit and the test that asks whether there is anything to fit."""
