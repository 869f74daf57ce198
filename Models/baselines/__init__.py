"""What a separator is measured against; NumPy only."""
