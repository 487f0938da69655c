"""The files that people send: fetched from Meta, kept privately, shown to staff."""
