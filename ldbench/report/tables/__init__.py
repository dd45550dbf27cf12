"""Leaderboards as text and as tables: what a page holds, and one module a format."""
