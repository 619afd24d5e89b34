"""Whether the statistics of experiments hold: false alarms of nightly looks, and coverage of intervals."""
