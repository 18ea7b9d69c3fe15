# A TLS connection over two MemoryBIOs that the test drives from outside: no socket is anywhere near it.
#
# Its argument is a JSON file: context (as for peer.py), wrap (keyword arguments of SSLContext.wrap_bio). Then each line
# of standard input is a call, [OBJECT, NAME, ARGUMENTS], with OBJECT "conn", "incoming", "outgoing" or "stream" (what
# unwrap() has returned); a NAME without ARGUMENTS (null) is an attribute. Bytes are {"hex": …}, and {"room": n} stands
# for a buffer of n bytes. Each answer is a line: its number, and {"result": …} or {"error": errno}; of a call with a
# buffer "buffer", too.

import json
import ssl
import sys

from peer import make_context


def take(argument):
    if not isinstance(argument, dict):
        return argument
    return bytearray(argument["room"]) if "room" in argument else bytes.fromhex(argument["hex"])


def show(value):
    if isinstance(value, (bytes, bytearray)):
        return {"hex": value.hex()}
    return list(value) if isinstance(value, tuple) else value


def main(spec):
    objects = {"incoming": ssl.MemoryBIO(), "outgoing": ssl.MemoryBIO()}
    objects["conn"] = make_context(spec["context"]).wrap_bio(objects["incoming"], objects["outgoing"], **spec["wrap"])

    def call(name, method, arguments):
        attribute = getattr(objects[name], method)
        if arguments is None:
            return {"result": show(attribute)}
        arguments = [take(argument) for argument in arguments]
        try:
            result = attribute(*arguments)
        except OSError as error:
            return {"error": error.errno}
        if method == "unwrap":
            objects["stream"], result = result, None
        answer = {"result": show(result)}
        for argument in arguments:
            if isinstance(argument, bytearray):
                answer["buffer"] = show(argument)
        return answer

    number = 0
    line = sys.stdin.readline()
    while line:
        print(number, json.dumps(call(*json.loads(line))))
        number += 1
        line = sys.stdin.readline()


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        main(json.load(file))
