"""COB RL: a transformer over consolidated order books that learns by acting when to buy, sell or hold."""
