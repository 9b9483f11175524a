"""From samples to batches: read ahead by processes, augmented, in an order that depends on the seed alone."""
