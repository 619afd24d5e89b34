"""Pages, charts, tables and the model card that show a scored night and its model to people."""
