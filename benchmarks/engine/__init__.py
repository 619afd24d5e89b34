"""The speed of the signals, compared with the limit and with other ways to compute the same signals."""
