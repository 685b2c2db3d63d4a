"""How to find a faster program: tasks, proposals, search, budget."""
