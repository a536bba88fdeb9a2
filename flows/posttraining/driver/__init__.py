"""Starts, follows and ends runs of flows: `python -m posttraining.driver`, JSON in and JSON lines out.

The requests and answers are described in docs/contracts.md, section "The driver".
"""
