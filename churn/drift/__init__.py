"""What has moved since the training of a model: the sources, the signals, the scores, and the performance of
the model.
"""
