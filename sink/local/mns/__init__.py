"""MNS, the queue service, as the embedded cloud has it.

`service.py` takes a request from the server: `signature.py` tells whose it is, `routes.py` which operation.
`queue_api.py`, `message_api.py` and `topic_api.py` turn XML into calls of what knows no HTTP: `resources.py`
(queues, topics, subscriptions), `messages.py` (what a queue holds), `polling.py` (waiting for it),
`topics.py` (envelopes). `database.py` is where all of it is kept.
"""
