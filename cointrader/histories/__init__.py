"""What other bots have traded, as positions of ours: imported once, or followed while the bot runs."""
