# Test cases of a MicroPython script. tests/lib/mpy_cases.py makes each of them a test of pytest.
#
#     from testing import *
#
#     @case
#     def empty_name_is_refused():
#         raises(ValueError, ...)
#
#     @each("pem", ("encrypted", "secret"))       # the first of a tuple is the name of the case: a literal
#     def key_format(form, password=None):
#         ...
#
#     run()

import sys

_cases = []


class Failure(AssertionError):
    pass


class Skip(Exception):
    pass


def case(function):
    _cases.append((function.__name__, function, ()))
    return function


def each(*parameters):
    def register(function):
        for parameter in parameters:
            values = parameter if isinstance(parameter, tuple) else (parameter,)
            _cases.append(("%s[%s]" % (function.__name__, values[0]), function, values))
        return function

    return register


# Results start with a mark, so that what the cases print cannot be taken for one.
def _tell(*words):
    print("===", *words, sep="\t")


def run():
    wanted = sys.argv[1:]
    failed = 0
    for name, function, values in _cases:
        if wanted and name not in wanted:
            continue
        _tell("run", name)
        try:
            function(*values)
        except Skip as e:
            _tell("skipped", name, str(e))
        except BaseException as e:
            # Also a KeyboardInterrupt or SystemExit that got out of a case by mistake.
            sys.print_exception(e)
            _tell("failed", name)
            failed += 1
        else:
            _tell("ok", name)
    sys.exit(failed != 0)


def fail(message):
    raise Failure(message)


def equal(got, expected, what=""):
    # Types too: b"" == "" and 1 == True would hide a wrong answer.
    if got != expected or type(got) is not type(expected):
        fail("%s: got %r, expected %r" % (what or "not equal", _shorten(got), _shorten(expected)))


def same(got, expected, what=""):
    if got is not expected:
        fail("%s: got %r, expected the very object %r" % (what or "not the same", got, expected))


def true(value, what=""):
    if not value:
        fail("%s: got %r" % (what or "not true", value))


def contains(text, part):
    if not isinstance(text, str) or part not in text:
        fail("%r is not in %r" % (part, text))


# Calls function and returns the exception that it must raise.
def raises(kind, function, *args, **kwargs):
    try:
        result = function(*args, **kwargs)
    except BaseException as e:
        if not isinstance(e, kind):
            raise
        return e
    fail("no %r but %r" % (kind, _shorten(result)))


# The same for an OSError with a number and, if it is one of TLS, its name.
def raises_os_error(number, name, function, *args, **kwargs):
    e = raises(OSError, function, *args, **kwargs)
    equal(e.args, (number,) if name is None else (number, name))
    equal(e.errno, number)
    return e


def _shorten(value):
    if isinstance(value, (bytes, bytearray, str)) and len(value) > 200:
        return "%r... (%d)" % (value[:100], len(value))
    return value
