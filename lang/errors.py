"""What can go wrong in a program, as a tree.

    LangError
    ├── InvalidProgram           the caller is wrong: raised where the mistake is written, before anything runs
    │   ├── InvalidParams        a sampling parameter that cannot be meant
    │   ├── InvalidType          a type that no answer can be made of
    │   ├── UnreadableProgram    JSON that is no Program: carries the path (also a ProgramError)
    │   └── UnknownVariable      reading a variable that nothing sets (also a KeyError)
    ├── Unsupported              right, but this backend or version cannot do it (also a NotImplementedError)
    │   └── Untraceable          right, but only where Python runs: no Program can say it; carries the line
    ├── NoBackend                nothing is set to generate with, or it was closed
    └── ProgramError             a run failed: carries name, where (file:line) and the partial text
        ├── GenError             a gen or select failed; the cause is chained
        │   └── InvalidAnswer    the text ended early, or is no value of the type asked for, or failed its check
        ├── TurnError            the chat template refused the turn
        ├── DeadlineExceeded     the time given has passed (also a TimeoutError)
        └── Cancelled            the run was cancelled, or its stream was left early

A backend's own errors (overload among them) are never hidden: they are the `__cause__` of the GenError. Our own
mistakes are assertions that carry the values.
"""

from typing import Any


class LangError(Exception):
    """Root of what the language raises.

    >>> issubclass(tr.InvalidProgram, tr.LangError) and issubclass(tr.GenError, tr.LangError)
    True
    """


class InvalidProgram(LangError, ValueError):
    """The program says something that cannot be meant; the message holds the remedy.

    >>> tr.gen("x", int, regex="[0-9]")
    Traceback (most recent call last):
    trellis.lang.errors.InvalidProgram: gen() takes one constraint, got regex and type
    """


class InvalidParams(InvalidProgram):
    """A sampling parameter that cannot be meant; the message names it.

    >>> tr.gen("x", temperature=-1)
    Traceback (most recent call last):
    trellis.lang.errors.InvalidParams: temperature must be between 0.0 and 100.0, got -1
    """


class InvalidType(InvalidProgram):
    """A type that no answer can be made of; the message names it.

    >>> tr.gen("x", type(lambda: 0))
    Traceback (most recent call last):
    trellis.lang.errors.InvalidType: no answer can be made of ...
    """


class UnknownVariable(InvalidProgram, KeyError):
    """A variable is read that nothing sets; the message names those that exist.

    >>> ask.run()["y"]
    Traceback (most recent call last):
    trellis.lang.errors.UnknownVariable: nothing sets the variable 'y'; those that are set: x
    """

    def __str__(self) -> str:
        return str(self.args[0])


class Unsupported(LangError, NotImplementedError):
    """Meant well, but not possible here; the message says what to use instead.

    >>> backend = tr.OpenAI("http://localhost:30000/v1", "seedling")
    >>> pick = tr.function(lambda s: s.add(tr.select("x", ["a", "b"]), "here"))
    >>> type(pick.run(backend=backend).error).__name__
    'Unsupported'
    >>> backend.close()
    """


class Untraceable(Unsupported):
    """No Program can say this, but the function runs as it is. where: `file:line`, once the tracer knows it.

    >>> tr.function(lambda s, text: s.add(f"{text}", "here")).trace()
    Traceback (most recent call last):
    trellis.lang.errors.Untraceable: ...: text inside an f-string is not known while it is traced...
    """

    def __init__(self, message: str, where: str | None = None) -> None:
        super().__init__(message if where is None else f"{where}: {message}")
        self.reason = message
        self.where = where


class NoBackend(LangError, RuntimeError):
    """There is nothing to generate with: none was set, or it was closed.

    >>> closed = tr.Fake()
    >>> closed.close()
    >>> type(ask.run(backend=closed).error).__name__
    'NoBackend'
    """


class ProgramError(LangError):
    """A run failed. name: the gen, select or turn; where: `file:line` that queued it; text: its text so far.

    partial: that text, or for a typed answer that was cut the value so far, a Partial. reason: the message without
    name and place.

    >>> error = ask.run(backend=tr.Fake(RuntimeError("boom"))).error
    >>> isinstance(error, tr.ProgramError), error.reason
    (True, 'RuntimeError: boom')
    """

    def __init__(
        self,
        message: str,
        *,
        name: str | None = None,
        where: str | None = None,
        partial: str = "",
        reason: str | None = None,
    ) -> None:
        super().__init__(message)
        self.name = name
        self.where = where
        self.text = partial
        self.partial: Any = partial
        self.reason = reason if reason is not None else message


class UnreadableProgram(InvalidProgram, ProgramError):
    """What was read as a Program is none. where: the path in its JSON, such as `block.body[2].options`.

    >>> tr.Program.from_json("{}")
    Traceback (most recent call last):
    trellis.lang.errors.UnreadableProgram: ...
    """

    def __init__(self, message: str, where: str = "") -> None:
        ProgramError.__init__(self, f"{where}: {message}" if where else message, where=where)


class GenError(ProgramError):
    """A gen or select failed. What the backend raised is its `__cause__`.

    >>> run = ask.run(backend=tr.Fake(RuntimeError("boom")))
    >>> type(run.error).__name__, run.error.name
    ('GenError', 'x')
    """


class InvalidAnswer(GenError):
    """What was generated cannot be used: cut short, no value of the type asked for, or refused by its check.

    >>> count = tr.function(lambda s: s.add(tr.gen("n", int, check=lambda n: n > 5), "here"))
    >>> type(count.run(backend=tr.Fake(3)).error).__name__
    'InvalidAnswer'
    """


class TurnError(ProgramError):
    """The model's chat template does not allow this turn here.

    >>> def template(messages, invite):
    ...     raise ValueError("no system turns")
    >>> chat = tr.function(lambda s: s.add(tr.user("Hi.") + tr.assistant(tr.gen("x")), "here"))
    >>> type(chat.run(backend=tr.Fake(template=template)).error).__name__
    'TurnError'
    """


class DeadlineExceeded(ProgramError, TimeoutError):
    """The time given to the run or to one gen has passed; the backend's work was ended.

    >>> run = ask.run(backend=tr.Fake(tr.Stall()), timeout=0.05)
    >>> type(run.error).__name__
    'DeadlineExceeded'
    """


class Cancelled(ProgramError):
    """The run was cancelled, or its stream was left early; the backend's work was ended.

    >>> run = ask.start(backend=tr.Fake(tr.Stall()))
    >>> run.cancel()
    >>> type(run.error).__name__
    'Cancelled'
    """
