"""Whether the figures of retention hold: generated companies, alarms, real data and speed."""
