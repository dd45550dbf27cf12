"""What a generator must keep to be compared with others, clause by clause: `ldbench.testing` puts it together.

Each module looks at one side: what a class declares, what it makes, how it behaves, what it offers besides. Refuses to
judge quality, and to repair what it finds.
"""
