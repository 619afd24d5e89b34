"""The figures of retention: each with unit, period and interval, or the reason why it is missing."""
