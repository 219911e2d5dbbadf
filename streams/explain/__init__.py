"""What is behind a number: the journeys and events that it is made of, and what changed."""
