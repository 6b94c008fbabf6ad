"""The API of Anthropic: every field is honoured or refused by name.

messages.py    /v1/messages and /v1/messages/count_tokens
body.py        what they take; blocks.py: the content of messages
reply.py       what they say, whole and as events

Without effect, as documented, are `metadata`, `service_tier`, `cache_control` (prefixes are shared by themselves),
`eager_input_streaming` (arguments always come as they are made) and the version and beta headers.
"""
