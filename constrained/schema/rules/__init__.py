"""Rules: the automata of a machine, written from settled sites.

emit            one rule for each site, and the machine of all
plain_writer    a plain object in one go
writer          objects and arrays in common        object_writer, array_writer, line_writer     each kind
draft           a rule that is being written
trie, forks     names that share what they begin with       other_names         all that are not listed
marked          texts of which each comes at most once
"""
