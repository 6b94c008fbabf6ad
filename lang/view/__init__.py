"""Seeing a run: what was said, what was generated, forced and found computed, branch by branch.

run.show()                            # a tree in the terminal
run.show("run.html")                  # one page, with everything in it
run.save("run.json")                  # the same as data; `trellis view run.json` shows it

trace.py       what a run was, as plain data
terminal.py    that as a tree for rich
page.py        that as one HTML file that asks nothing of any network; page.html is its frame
"""
