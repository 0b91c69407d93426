"""Evaluation: metrics with intervals, baseline, calibration, comparison, label issues."""
