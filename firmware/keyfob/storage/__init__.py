"""Where a link's record is kept. Every store has the same three methods:

`load()` returns the record (a dict of JSON values) or None if there is none,
`save(record)` returns once it is durable, `erase()` leaves nothing behind.
All raise StorageError; a record that is there but cannot be read is an error too,
never None.
"""
