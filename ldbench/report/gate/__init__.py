"""A gate for continuous integration: leaderboards now against a committed baseline, and what got worse.

The rule stands in `ldbench.report.gate.judge`, the options' meaning in docs/ci.md. What was not measured alike is not
compared, and rows that publications report are not judged.
"""
