"""What is trained and how well it does: jobs, evaluation, predictions, costs; the loop, checkpoints, exports."""
