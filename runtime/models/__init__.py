"""Language models, each a plain function of tokens: what to compute, never where its KV lives.

    config = read_config(folder)                            # config.py: config.json, normalised and checked
    model = build_model(config, place, max_positions)       # build.py: the registry's class, imported when wanted
    hidden = model.forward(tokens, positions, attend)       # [tokens, hidden], after the last norm
    logits = model.logits(hidden[last])                     # [samples, vocab]

On a CPU native.py has code compiled for the model, which then computes whole steps over the pool by itself.

A new architecture is one line in registry.py and, where it differs in more than flags, one file here. Weights are
filled by ../weights through `model.parameters()`: names of the checkpoint to views of the model's own tensors.
"""
