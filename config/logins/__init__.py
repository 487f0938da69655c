"""Logins: who may try, how often, and what a try may cost.

In comes a posted login form, out goes a session, the form again, 429 (locked: too many
failed before) or 503 (too many at once). Read `forms` first, then `limits` (what is
counted), `handler` (where django-axes asks and tells us) and `hashing` (one password at
a time). `addresses` says who asks when proxies stand between.
"""
