"""Values in the frame of a schema registry (Confluent's wire format): which schema they name, and what they say by it."""
