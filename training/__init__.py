"""Running things: set-up from flags, devices and processes, scoring with data, training, evaluation, checkpoints."""
