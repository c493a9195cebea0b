"""The tracker as a web page: `index.html`, and `page.py`, which runs in the browser's Python."""
