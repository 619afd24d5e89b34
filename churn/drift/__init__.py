"""What has moved since the training: the sources, the signals, the scores and the performance of a model."""
