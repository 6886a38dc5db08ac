"""What a run leaves behind: the procedure, what happened at each step, and the report that reads like it."""
