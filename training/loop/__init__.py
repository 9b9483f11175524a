"""The one training loop, and what only it needs: what is noted, when it is saved, how it stops, many processes."""
