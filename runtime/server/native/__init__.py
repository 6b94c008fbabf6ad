"""The native routes, with the field names of SGLang's own API so that its clients work unchanged.

generate.py    /generate; body.py says what it takes, answer.py what it replies, given.py what it tells of the prompt
text.py        /tokenize, /detokenize
score.py       /score
cache.py       /v1/cache, /flush_cache
info.py        /model_info, /server_info, /health, /ready, /health_generate, /abort_request
"""
