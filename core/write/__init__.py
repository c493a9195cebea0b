"""Writing: capture, transactions, hooks. Floor 6: knows plans' needs by protocol only, never `ivm` itself."""
