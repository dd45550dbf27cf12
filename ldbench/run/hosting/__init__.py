"""A test set that its host keeps secret: cases are given out, submissions scored, and in the end the seed revealed."""
