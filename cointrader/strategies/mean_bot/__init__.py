"""Mean reversion: an Ornstein-Uhlenbeck fit of recent prices, traded while they are stationary."""
