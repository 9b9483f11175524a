"""Whole channels: which layers share one, what a channel is worth, which ones go, and networks without them."""
