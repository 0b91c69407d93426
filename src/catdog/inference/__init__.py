"""What a trained model is used for: predictions, Grad-CAM heat maps, exported files."""
