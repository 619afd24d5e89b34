"""Find what has changed since the training of a model: in the sources, the signals, the scores, and the
performance of the model.
"""
