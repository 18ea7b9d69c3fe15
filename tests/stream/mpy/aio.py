# asyncio over TLS over streams in memory and over sockets.

import asyncio
import os
import ssl

from pipes import (
    End, Link, STREAM_POLL, new_psk_contexts, new_server_context, new_verifying_context, noise, pin, socket_pair)
from testing import case, each, equal, fail, run, same


# Delivers late and in pieces, and tells poll() the truth about it.
class Lazy(End):
    def __init__(self):
        super().__init__()
        self.turn = 0

    def ioctl(self, request, arg):
        if request == STREAM_POLL:
            self.turn += 1
            self.readable = self.turn % 2 == 0
            self.writable = self.turn % 3 != 0
        return super().ioctl(request, arg)

    def readinto(self, buf):
        return self.take(buf, 700)

    def write(self, buf):
        return self.give(buf, 500)


def streams(near=None, far=None, contexts=None):
    link = Link(*(contexts or new_psk_contexts()), near=near, far=far, handshake=False)
    return link, asyncio.StreamReader(link.client), asyncio.StreamReader(link.server)


async def send(stream, data, size):
    for i in range(0, len(data), size):
        stream.write(data[i:i + size])
        await stream.drain()


async def both(*jobs):
    return await asyncio.wait_for(asyncio.gather(*jobs), 30)


def run_all(*jobs):
    return asyncio.run(both(*jobs))


@each("plain", "lazy", "sockets")
def both_directions_at_once(kind):
    near, far = None, None
    if kind == "lazy":
        near, far = Lazy(), Lazy()
    elif kind == "sockets":
        near, far = socket_pair()
        near.setblocking(False)
        far.setblocking(False)
    link, client, server = streams(near, far)
    up, down = noise(30000, 1), noise(30000, 2)
    results = run_all(send(client, up, 3000), send(server, down, 1700), client.readexactly(len(down)),
                      server.readexactly(len(up)))
    equal(results[2], down)
    equal(results[3], up)


@each("plain", "lazy")
def lines(kind):
    link, client, server = streams(*((Lazy(), Lazy()) if kind == "lazy" else (None, None)))

    async def ask():
        answers = []
        for i in range(20):
            client.write(b"question %d\n" % i)
            await client.drain()
            answers.append(await client.readline())
        await client.wait_closed()
        return answers

    async def answer():
        questions = 0
        while True:
            line = await server.readline()
            if not line:
                return questions
            questions += 1
            server.write(b"answer to " + line)
            await server.drain()

    answers, questions = run_all(ask(), answer())
    equal(answers, [b"answer to question %d\n" % i for i in range(20)])
    equal(questions, 20)


# A handshake by asyncio alone. A client that only reads would wait for ever: it has the first word.
@each("1.2", "1.3")
def handshake_under_asyncio(version):
    version = ssl.TLSVersion.TLSv1_2 if version == "1.2" else ssl.TLSVersion.TLSv1_3
    contexts = pin(version, new_verifying_context(), new_server_context())
    link, client, server = streams(Lazy(), Lazy(), contexts)

    async def serve():
        equal(await server.read(100), b"after the handshake")
        server.write(b"and back")
        await server.drain()
        equal(await server.read(100), b"thanks")
        await server.wait_closed()

    async def ask():
        client.write(b"after the handshake")
        await client.drain()
        equal(await client.readexactly(8), b"and back")
        client.write(b"thanks")
        await client.drain()
        return await client.read(1)

    equal(run_all(serve(), ask())[1], b"")


@case
def failed_handshake_reaches_the_task():
    link, client, server = streams(contexts=(new_verifying_context(), new_server_context("expired")))

    async def job(stream, word):
        try:
            stream.write(word)
            await stream.drain()
            await stream.read(1)
        except OSError as e:
            return e

    mine, theirs = run_all(job(client, b"x"), job(server, b"y"))
    equal(mine.args, (-9984, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED"))
    equal(theirs.args, (-30592, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"))


# A pipe with the manners of a kernel's socket whose peer reads slowly: it is writable when there is room for a third of
# what it holds, and takes what there is room for.
class Kernel(End):
    room = 16384

    def setblocking(self, flag):
        pass

    def free(self):
        return self.room - len(self.other.inbox)

    def give(self, buf, limit):
        return super().give(buf, self.free()) if self.free() > 0 else None

    def ioctl(self, request, arg):
        if request == STREAM_POLL:
            self.writable = self.free() > self.room // 3
            answer = super().ioctl(request, arg)
            self.writable = True
            return answer
        return super().ioctl(request, arg)


def send_to_a_slow_reader(version, size, close):
    version = ssl.TLSVersion.TLSv1_2 if version == "1.2" else ssl.TLSVersion.TLSv1_3
    link, client, server = streams(far=Kernel(), contexts=pin(version, *new_psk_contexts()))
    # As asyncio's server does.
    link.server.setblocking(False)
    data = noise(100000)

    async def serve():
        await server.read(1)
        for i in range(0, len(data), size):
            server.write(data[i:i + size])
            await server.drain()
        if close:
            await server.wait_closed()

    async def ask():
        client.write(b"?")
        await client.drain()
        if close:
            return await client.read(-1)
        return await client.readexactly(len(data))

    got = run_all(serve(), ask())[1]
    equal(len(got), len(data))
    equal(got, data)


# After drain() a program may forget about the stream: what it wrote must go out.
@each("1.2", "1.3")
def drain_means_sent(version):
    for size in (500, 3000, 16384, 50000, 100000):
        send_to_a_slow_reader(version, size, False)


# The usual end of a web server's work.
@each("1.2", "1.3")
def last_words_to_a_slow_reader(version):
    for size in (500, 3000, 16384, 50000, 100000):
        send_to_a_slow_reader(version, size, True)


@case
def end_reaches_the_task():
    link, client, server = streams()

    async def leave():
        await server.read(1)
        server.write(b"bye")
        await server.drain()
        await server.wait_closed()

    async def stay():
        client.write(b"?")
        await client.drain()
        return await client.read(-1)

    equal(run_all(leave(), stay())[1], b"bye")
    same(link.client.truncated, False)


# A task that waits on a read, cancelled; the connection then goes on with another.
@case
def cancelled_read():
    link, client, server = streams()

    async def there_and_back(word):
        client.write(word)
        await client.drain()
        got = await server.readexactly(len(word))
        server.write(got)
        await server.drain()
        equal(await client.readexactly(len(word)), word)

    async def main():
        # Both sides must move for the handshake.
        client.write(b"!")
        await asyncio.gather(client.drain(), server.readexactly(1))
        await there_and_back(b"hello")
        task = asyncio.create_task(client.read(10))
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
            fail("not cancelled")
        except asyncio.CancelledError:
            pass
        await there_and_back(b"again")

    asyncio.run(asyncio.wait_for(main(), 30))


@case
def timeout_of_a_read():
    link, client, server = streams()

    async def main():
        client.write(b"!")
        await asyncio.gather(client.drain(), server.readexactly(1))
        try:
            await asyncio.wait_for_ms(client.read(10), 20)
            fail("no timeout")
        except asyncio.TimeoutError:
            pass
        server.write(b"late")
        await server.drain()
        return await client.read(10)

    equal(asyncio.run(asyncio.wait_for(main(), 30)), b"late")


@case
def many_connections():
    pair = new_psk_contexts()
    jobs = []

    async def echo(stream):
        while True:
            data = await stream.read(1000)
            if not data:
                break
            stream.write(data)
            await stream.drain()
        await stream.wait_closed()

    async def talk(stream, i):
        for round in range(5):
            word = b"%d %d|" % (i, round) * 20
            stream.write(word)
            await stream.drain()
            equal(await stream.readexactly(len(word)), word)
        await stream.wait_closed()
        return i

    for i in range(20):
        link, client, server = streams(Lazy(), Lazy(), pair)
        jobs += [talk(client, i), echo(server)]
    results = run_all(*jobs)
    equal(results[::2], list(range(20)))


@case
def start_server_and_open_connection_with_ssl():
    server_context, client_context = new_server_context(), new_verifying_context()
    # asyncio binds by address, so this is the one place with a port of the network.
    port = int(os.getenv("PORT"))

    async def serve(reader, writer):
        line = await reader.readline()
        writer.write(b"got " + line)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=server_context)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=client_context, server_hostname="server.test")
        writer.write(b"a line\n")
        await writer.drain()
        answer = await reader.readline()
        rest = await reader.read(-1)
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return answer, rest

    equal(asyncio.run(asyncio.wait_for(main(), 30)), (b"got a line\n", b""))


run()
