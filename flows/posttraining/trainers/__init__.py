"""Training with TRL: one job, the same code in one process and in many."""
