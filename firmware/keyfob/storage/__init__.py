"""Where a link's record is kept. Every store has the same three methods:

`load()` returns the record (a dict of JSON values) or None if there is none,
`save(record)` returns once it is durable, `erase()` removes every copy. A store that keeps two
copies also has `copy(record)`, which saves to both: that is done with a new link. Its
`load(check)` passes over a copy for which `check(record)` raises StorageError.
All raise StorageError. A record that exists and cannot be read is an error, never None.
"""
