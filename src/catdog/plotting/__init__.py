"""Figures of data and results; each function returns what it drew and shows nothing."""
