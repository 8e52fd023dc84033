"""Pages that the book's build writes from claims and records: the ledger, a page a record, code."""
