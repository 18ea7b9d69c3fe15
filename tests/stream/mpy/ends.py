# A stream that ends, at each byte of a connection in turn: never a crash, never a handshake that seems complete, never
# a byte that was not sent.

import ssl

from pipes import End, Link, POLLIN, STREAM_POLL, new_client_context, new_psk_contexts, new_server_context, pin, poll
from testing import case, each, equal, fail, raises, raises_os_error, run, same, true

CONN_EOF = (-29312, "MBEDTLS_ERR_SSL_CONN_EOF")


# Delivers `budget` bytes and then ends.
class Mortal(End):
    def __init__(self, budget):
        super().__init__()
        self.budget = budget
        self.delivered = 0

    def readinto(self, buf):
        if self.delivered == self.budget:
            return 0
        count = self.take(buf, self.budget - self.delivered)
        self.delivered += count or 0
        return count

    def ioctl(self, request, arg):
        if request == STREAM_POLL and arg & POLLIN and self.delivered == self.budget:
            return super().ioctl(request, arg) | POLLIN
        return super().ioctl(request, arg)


def contexts(kind):
    version = ssl.TLSVersion.TLSv1_2 if "1.2" in kind else ssl.TLSVersion.TLSv1_3
    if kind.startswith("psk"):
        return pin(version, *new_psk_contexts())
    return pin(version, new_client_context(), new_server_context())


# Lives until somebody fails; returns the mortal side's exception, or None if its handshake was complete.
def die(link, mortal):
    for _ in range(100):
        for sock in (link.client, link.server):
            try:
                answer = sock.read(1)
            except OSError as e:
                if sock is not mortal:
                    fail("the wrong side failed: %r" % e)
                equal(e.args, CONN_EOF)
                equal(e.reason, "connection_eof")
                true(e.detail)
                return e
            # An end may be told only after the handshake: between the session tickets, for instance.
            true(answer is None or answer == b"" and mortal.version(), answer)
        if mortal.version() is not None:
            return None
    fail("nothing happened")


# How many bytes each side gets in a handshake. Signatures vary in length by a few bytes, so ends near the last byte may
# come when all is done.
def lengths(pair):
    link = Link(*pair, near=Mortal(1 << 30), far=Mortal(1 << 30))
    return link.near.delivered, link.far.delivered


def at_each_byte(kind, step):
    pair = contexts(kind)
    for side in (0, 1):
        total = lengths(pair)[side]
        true(total > 150, total)
        failures = 0
        # The last bytes one by one.
        budgets = set(range(0, total, step)) | set(range(total - 40, total))
        for budget in budgets:
            ends = [Mortal(1 << 30), Mortal(1 << 30)]
            ends[side].budget = budget
            link = Link(*pair, near=ends[0], far=ends[1], handshake=False)
            mortal = (link.client, link.server)[side]
            if die(link, mortal) is not None:
                failures += 1
                same(mortal.version(), None)
                equal(raises(OSError, mortal.read, 1).args, CONN_EOF)
                equal(raises(OSError, mortal.write, b"x").args, CONN_EOF)
            else:
                true(total - budget < 200, "complete after %d of %d bytes" % (budget, total))
        true(failures >= len(budgets) - 200, failures)


@each("psk 1.2", "psk 1.3")
def each_byte_of_a_short_handshake(kind):
    at_each_byte(kind, 1)


@each("1.2", "1.3")
def bytes_of_a_handshake_with_certificates(kind):
    at_each_byte(kind, 31)


@each("1.2", "1.3")
def each_byte_of_the_data(kind):
    words = [b"first", b"second", b"third word"]
    pair = contexts("psk " + kind)
    link = Link(*pair, near=Mortal(1 << 30))
    start = link.near.delivered + len(link.near.inbox)
    borders = []
    for word in words:
        link.server.write(word)
        borders.append(len(link.near.inbox) + link.near.delivered - start)
    complete = len(link.near.inbox)
    link.server.close()
    total = len(link.near.inbox)
    for cut in range(total + 1):
        link = Link(*pair, near=Mortal(1 << 30))
        # What is left over from the handshake (session tickets) has the same length each time.
        for word in words:
            link.server.write(word)
        equal(len(link.near.inbox), complete)
        link.server.close()
        link.near.budget = link.near.delivered + cut
        got = link.client.read()
        leftover = complete - borders[-1]
        equal(got, b"".join(word for word, border in zip(words, borders) if leftover + border <= cut), cut)
        same(link.client.truncated, cut < total)
        equal(link.client.read(), b"")
        equal(link.client.read(1), b"")


@each("1.2", "1.3")
def each_byte_of_the_data_when_an_end_must_be_announced(kind):
    pair = contexts("psk " + kind)
    link = Link(*pair, near=Mortal(1 << 30), suppress_ragged_eofs=False)
    link.server.write(b"word")
    complete = len(link.near.inbox)
    link.server.close()
    total = len(link.near.inbox)
    for cut in range(total + 1):
        link = Link(*pair, near=Mortal(1 << 30), suppress_ragged_eofs=False)
        link.server.write(b"word")
        link.server.close()
        link.near.budget = link.near.delivered + cut
        got = b""
        try:
            while True:
                part = link.client.recv(2)
                if part == b"":
                    break
                got += part
            true(cut == total, cut)
        except OSError as e:
            equal(e.args, CONN_EOF)
            true(cut < total, cut)
        equal(got, b"word" if cut >= complete else b"")


@case
def end_before_anything():
    link = Link(near=Mortal(0), handshake=False)
    raises_os_error(CONN_EOF[0], CONN_EOF[1], link.client.read, 1)
    link = Link(near=Mortal(0), handshake=False)
    raises_os_error(CONN_EOF[0], CONN_EOF[1], link.client.write, b"x")
    link = Link(near=Mortal(0), handshake=False)
    raises_os_error(CONN_EOF[0], CONN_EOF[1], link.client.do_handshake)


@case
def write_goes_on_after_the_stream_has_ended_for_reading():
    link = Link(near=Mortal(1 << 30))
    link.near.budget = link.near.delivered
    equal(link.client.read(1), b"")
    equal(link.client.write(b"half-closed"), 11)
    equal(link.server.read(11), b"half-closed")


@case
def ended_connection_is_readable_for_poll():
    link = Link(near=Mortal(1 << 30))
    link.near.budget = link.near.delivered
    equal(poll(link.client, POLLIN), POLLIN)
    equal(link.client.read(1), b"")
    equal(poll(link.client, POLLIN), POLLIN)
    same(link.client.truncated, True)
    link = Link()
    link.server.close()
    equal(poll(link.client, POLLIN), POLLIN)
    equal(link.client.read(1), b"")
    equal(poll(link.client, POLLIN), POLLIN)


run()
