"""The view of operators on all runs: they find those of everybody, and put a waiting one first."""
