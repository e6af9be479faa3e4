"""What operators see of all runs, and change in the line: they find runs of everybody, and put a waiting one first."""
