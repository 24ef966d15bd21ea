"""Training: prepare the set, fit a challenger, put it through its gates."""
