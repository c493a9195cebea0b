"""Queries: plan, text to plan, plan to text, and SQLite's own verdict on a text."""
