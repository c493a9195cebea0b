"""The page of a browser: bindings emit ops, one small JavaScript applier does them. What users take is `browser.py`."""
