"""What comes in and goes out: the touchpoint contract, producers' formats, and the reasons to ignore or refuse."""
