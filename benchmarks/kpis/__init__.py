"""Whether the figures of retention tell the truth about companies whose truth is known."""
