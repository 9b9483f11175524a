"""What is written and drawn of a training run: its log, its curves, pictures of samples, the precision chosen."""
