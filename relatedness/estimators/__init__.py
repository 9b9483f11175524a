"""The estimators of relatedness, one file each; ``relatedness/registry.py`` knows them by name."""
