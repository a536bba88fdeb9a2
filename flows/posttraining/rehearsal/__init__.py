"""Rehearsal: a recipe's own run, scaled to this machine's processors, and what it proves of the run that costs money.

`python -m posttraining.rehearsal REQUEST.json` (contracts/rehearsal.ts). What is scaled and what stands in for what a processor
cannot have is decided in `scaling.py`; what is proved, in `invariants/`.
"""
