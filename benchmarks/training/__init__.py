"""What training costs, by rows and columns."""
