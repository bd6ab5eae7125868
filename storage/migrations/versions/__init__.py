"""One file a schema version; `PRAGMA user_version` is the number of the newest that ran."""
