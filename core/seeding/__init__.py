"""Example data out of models: `db.seed(Issue, n=1000, seed=7)`. Deterministic: the same call, the same rows."""
