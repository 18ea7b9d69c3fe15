# What the module's objects have, and what their functions take: micropython surface.py SPEC, where SPEC is the path of a
# JSON file with
#   names: what every object is asked for
#   calls: [object, function, number of positional arguments, names of keyword arguments]
# Prints one JSON list per line: ["name", object, name, kind, type] for each name that an object has, and
# ["call", index, why it was refused or None].

import json
import sys

import ssl
import tls
from pipes import Link, new_client_context, new_server_context, pin


class Garbage:
    pass


# A connection over streams that have ended, so that nothing waits.
def new_link():
    link = Link(*pin(ssl.TLSVersion.TLSv1_2, new_client_context(), new_server_context()))
    link.near.eof = link.far.eof = True
    return link


MAKERS = {
    "ssl": lambda: ssl,
    "tls": lambda: tls,
    "SSLContext": new_client_context,
    "SSLContext server": new_server_context,
    "tls.SSLContext": lambda: tls.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    "SSLSocket": lambda: new_link().client,
    "SSLSocket server": lambda: new_link().server,
    "SSLSession": lambda: new_link().client.session,
}
for name in ("TLSVersion", "Purpose", "VerifyMode"):
    if hasattr(ssl, name):
        MAKERS[name] = lambda name=name: getattr(ssl, name)
if hasattr(ssl, "MemoryBIO"):
    MAKERS["MemoryBIO"] = lambda: ssl.MemoryBIO()


def tell(*words):
    print(json.dumps(words))


# How an object has a name: "method", "writable", "read-only", or None.
def kind_of(thing, name):
    try:
        value = getattr(thing, name)
    except AttributeError:
        return None, None
    except Exception as e:
        return "fails", repr(e)
    if callable(value) and type(value).__name__ in ("bound_method", "function", "type", "generator"):
        return "method", None
    try:
        setattr(thing, name, value)
    except AttributeError:
        return "read-only", type(value).__name__
    except Exception:
        pass
    return "writable", type(value).__name__


def tell_names(names):
    for label, make in MAKERS.items():
        for name in names:
            kind, type_name = kind_of(make() if label.startswith("SSL") else make(), name)
            if kind is not None:
                tell("name", label, name, kind, type_name)
        for name in dir(make()):
            tell("dir", label, name)


REFUSALS = ("keyword argument", "positional argument", "argument required", "function expected at most")


def tell_call(index, label, function, count, keywords):
    thing = MAKERS[label]()
    try:
        call = getattr(ssl, label) if function == "__init__" else getattr(thing, function)
    except AttributeError:
        tell("call", index, "absent")
        return
    try:
        call(*[Garbage()] * count, **{name: Garbage() for name in keywords})
    except TypeError as e:
        text = str(e)
        tell("call", index, text if any(part in text for part in REFUSALS) else None)
        return
    except Exception:
        pass
    tell("call", index, None)


with open(sys.argv[1]) as f:
    spec = json.load(f)
tell_names(spec["names"])
for index, (label, function, count, keywords) in enumerate(spec["calls"]):
    tell_call(index, label, function, count, keywords)
