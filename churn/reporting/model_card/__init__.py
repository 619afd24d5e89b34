"""The model card: what a person should know before using a model."""
