"""What raw flights and weather, features, labels and logged predictions must be, as pandera models."""
