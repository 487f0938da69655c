"""The demo: a small lender's people, conversations and customer files. All invented."""
