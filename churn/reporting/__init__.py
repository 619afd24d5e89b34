"""Pages, charts, tables and the model card that show a night and a model to people."""
