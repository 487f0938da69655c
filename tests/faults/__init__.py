"""Whatever is killed, and whenever: nothing is lost, and nothing is there twice.

Real processes on servers of their own. `make faults` runs the long forms; a short one
of each runs with all other tests.
"""
