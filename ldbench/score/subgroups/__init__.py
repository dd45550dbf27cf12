"""Scores within groups of cases, by sex, age and class, and the gap between the worst and the best group."""
