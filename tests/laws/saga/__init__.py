"""The saga of a rotation against a world in memory with one truth: every fault at every call, and any mixture."""
