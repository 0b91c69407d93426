"""Inference with a trained model: predictions, Grad-CAM heat maps, export."""
