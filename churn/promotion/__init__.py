"""Promotion: the gates that a challenger must pass to become champion."""
