"""Where a namespace's state lives: the protocol, in memory, in Redis."""
