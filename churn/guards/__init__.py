"""Guards against leakage in the user's own data. Each finding says what looks wrong and what to do."""
