"""Backends: where text is generated. `base` is the seam that every one of them fills.

local                  an engine in this process
http, http_codec       a Trellis server
openai, openai_*       any OpenAI-compatible API; `framing` brings turns there and back, `stops` finds stops
fake, example          answers from a script, or made of a constraint
recording, replaying   real answers kept in a file, and given again
network, retry         what goes wrong on the way to a server, and what may be tried again
"""
