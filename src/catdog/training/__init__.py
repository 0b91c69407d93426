"""Training: the whole model, its head on extracted features, fine-tuning."""
