"""Tell which customers are about to leave, why, what to do, and whether it helped."""

__version__ = "0.1.0"
