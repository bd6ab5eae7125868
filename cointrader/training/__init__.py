"""Training sessions over a workspace: datasets by hash, checkpoints, metrics, versions in the vault."""
