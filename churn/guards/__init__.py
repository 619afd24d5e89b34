"""Guards against leakage on the user's own data: each says what looks wrong, and the way out."""
