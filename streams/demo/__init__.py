"""The demo: servers out of wheels, a worker, an exporter, and thirty hours of a shop's touchpoints played in under a minute.

`content` says what is played, `surroundings` starts and removes what it needs, `player` sends, `expected` folds the same
records in memory, `run` is the walk through all of it, and `screen` and `lines` show it.
"""
