"""Leaderboards and runs as HTML: one self-contained page a task, or a folder of pages for a whole set of tasks.

`ldbench.report.html.write.write_pages` makes both from the same templates. A page loads nothing from the network, and
its own policy forbids it to.
"""
