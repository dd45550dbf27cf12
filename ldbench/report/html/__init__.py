"""Leaderboards and runs as HTML: one self-contained page a task, or a folder of pages for a whole set of tasks.

`ldbench.report.html.write.write_pages` makes both from the same templates. Refuses the network: a page asks nothing of
anyone, and its own policy forbids it to.
"""
