"""End to end on real servers: how fast one worker reads, commits and sweeps, against a plain Faust agent that does nothing.

A tool for a checkout (`make bench`): the real broker comes from `tests/rig`. Absolute figures say as much about the machine
as about the code; both sides read the same topic in the same run, alternately, so their ratio says something.
"""
