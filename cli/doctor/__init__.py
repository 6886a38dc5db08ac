"""``account-rotation doctor``: look at the whole installation, change nothing, and name the fix of each fault."""
