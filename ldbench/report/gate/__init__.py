"""A gate for continuous integration: leaderboards now against a committed baseline, and what got worse.

The rule stands in `ldbench.report.gate.judge`, the options' meaning in docs/ci.md. Refuses to compare what was not
measured alike, and to judge rows that publications report.
"""
