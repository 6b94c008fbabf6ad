"""What the server tells of what it does: a log for machines or people, and spans for OpenTelemetry.

telemetry.py     Telemetry: the one object that routes and the application know
requests.py      an id for each request, given back in its reply; its line in the log
watching.py      a backend that is listened to, answer by answer
logs.py          how a line is written; what a line says of an answer and of a program's run
spans.py         request > program > gen > step, through OpenTelemetry; imported only where it is asked for

Nothing of this holds a text of a prompt or an answer; only the traceback of an error that nobody foresaw says what its
exception says. A tenant is told by a digest of its namespace, as the namespace itself would let its reader ask for the
tenant's prefixes.
"""
