"""Promotion: the gates (conditions) that a challenger must pass to become the champion."""
