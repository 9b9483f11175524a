"""Carrying out what is left of a plan: on this machine, one run after another or side by side, or by a cluster."""
