"""What reads the topics: the chunk transport, the loop that commits chunks, sweeps, and their wiring."""
