"""One file per verb; each reads like a recipe and is what a scheduler runs."""
