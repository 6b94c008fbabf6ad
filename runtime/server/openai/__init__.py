"""The API of OpenAI: every field is honoured or refused by name.

chat.py          /v1/chat/completions     chat_body.py, messages.py, tools.py; chat_reply.py
completions.py   /v1/completions          completion_reply.py
responses.py     /v1/responses            items.py, response_body.py, response_reply.py; kept.py, store.py: what is kept
embeddings.py    /v1/embeddings
models.py        /v1/models
api.py           what the routes share

Beyond OpenAI's own, chats and completions take the constraints and the sampling of conversation/fields.py, and chats
`return_tokens`: each choice, or each piece of a stream as it comes, then has `tokens`, [id, "sampled" or "forced",
log-probability, likeliest, text] of all that was generated, calls and the marks around them included. What the server
itself writes for the model, such as the beginning of a call that must come, was not generated and is not among them.

Without effect, as documented, are `user`, `metadata`, `store` (of chats), `service_tier`, `safety_identifier` and
`prompt_cache_key`: nothing is kept or billed here, and prefixes are shared by themselves. Thoughts are told as they
are, so there is no encrypted form of them to include.
"""
