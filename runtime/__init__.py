"""The engine: requests in, text out, every prefix computed once.

One request, a straight line; each hop is a file:

    client.py      text to token ids (prompt.py, tokenizer.py), constraint to grammar, a Request
    engine.py      receive: the request joins the scheduler's queue
    scheduler.py   plan: policy.py orders the waiting, memory/cache.py finds the longest cached prefix, reserves pages;
                   who needs a page that another request is computing waits for it (coming.py)
    step.py        the Step: integers that say which rows compute what
    worker/        runner.py gathers tensors (rows.py, batch.py), runs models/ over layers/ and kernels/, or replays
                   a graph (graphs.py, capture.py, shelf.py); sampler.py masks by grammar (grammars.py), draws, advances
                   the grammar
    step.py        the Result: what was drawn
    scheduler.py   commit: tokens appended, forced ones too; full pages go into the radix tree; the finish check
    engine.py      emit: tokens to text (text.py), a Delta to the client's queue (mailbox.py)

launch.py opens all of it from a config. The scheduling half (request, policy, scheduler, memory/cache, memory/pages)
runs on integers and imports no torch: it is tested on a laptop in seconds.
"""
