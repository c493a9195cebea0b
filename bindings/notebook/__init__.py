"""Notebooks: live tables, charts and values in Jupyter, VS Code, Colab and marimo; the door is `jupyter.py`.

`display` is imported with Eddyline itself and imports no front end; the widgets import anywidget.
"""
