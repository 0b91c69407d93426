"""Figures of data and results; each function returns its figure, and shows and saves nothing."""
