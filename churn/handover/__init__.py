"""What leaves the company's own files: nights for databases, planned contacts for other systems."""
