"""One file a workload; `make bench` prints each beside its limit and the best peer that is installed."""
