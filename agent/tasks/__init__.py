"""What there is to speed up: a task, how it is found from a file, and what of its project may be seen."""
