"""From a data set's rows to the examples that TRL's trainers read: sources, row forms, order, and types.

Nothing here imports torch or TRL but `trial.py` and `features.py`, which the `data` step and the trainers import late.
"""
