"""Where the records of feeds are kept and found: the workspace's database behind a broker's calls."""
