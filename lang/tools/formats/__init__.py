"""Formats: how a family of models writes tool calls. One module each, plain functions on plain values.

    form = detect(render)                      # from what the model's chat template does, never from its name
    form.show(specs)                           # the tools as text, for templates that do not show them
    form.constraint(specs, several=True)       # what stands between form.begin and form.end
    form.read(body)                            # that text as calls
    form.find(text)                            # calls in a finished text, and the text around them

A free text becomes a call where `form.trigger` appears: the language stops there, writes `form.begin`, generates under
the constraint and writes `form.end`. A server does the same with its own streams. Nothing here knows a State, a
Backend or a tool that can be called.
"""
