"""Attention over paged KV: one work list for decode, prefill and prefixes that rows share.

shape     heads, pages and types                 space    fixed buffers of a plan
plan      work items from lengths and pages      decode   the same on the device, of one token a row
pieces    where a row's keys are cut             share    segments that several rows have in common
paged     the kernel over the items              merge    partial results of a row, by log-sum-exp
reference its specification, the CPU's way       gather   what that needs for a step
room      a plan at a fixed place, for graphs
"""
