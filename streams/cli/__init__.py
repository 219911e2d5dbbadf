"""The console script `journey`: thin commands over the other layers."""
