"""Evaluation: metrics, confidence intervals, baseline, calibration, comparison, label issues."""
