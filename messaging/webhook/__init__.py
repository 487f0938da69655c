"""From a signed POST to a committed row of `webhook_events`.

In: the exact bytes that Meta posted, and their signature. Out: the HTTP answer.
Read in this order: view, signature, group_commit.
"""
