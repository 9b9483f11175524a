"""Data sets, one layout of files a module. What a data set is stands in ``dataloaders/base.py``."""
