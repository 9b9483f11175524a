"""What a study makes for estimators, each thing once: networks, cells of features and targets, gradients, readouts."""
