"""Conversation: the one form that all APIs share, from a list of messages to events that are called out as they come.

    turn.py      Turn: messages, tools, constraint and parameters of one answer
    speech.py    how this model is spoken to: template, form of tool calls, marks of thinking
    history.py   messages as the template understands them
    answering.py a Turn on a backend, all its answers as events; answer.py: one answer, phase by phase
    reader.py    from text as it comes to thoughts, words and calls
    events.py    what comes out
    specs.py     tools as APIs describe them
    fields.py    body fields that several APIs have: constraints, sampling

An API only translates its bodies into a Turn and events into its own. Nothing here knows HTTP.
"""
