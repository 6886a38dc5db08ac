"""``account-rotation doctor`` on one healthy installation, in which one fault after the other is planted."""
