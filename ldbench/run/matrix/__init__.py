"""Many runs from one command: tasks x models x seeds, one after the other or spread by Ray."""
