"""What ``make bench`` measures: the update against a plain script, in one run."""
