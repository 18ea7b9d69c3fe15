"""Serve one page over TLS to any number of clients at a time.

    micropython https_server.py PORT certfile=FILE keyfile=FILE [host=ADDRESS] [clientca=FILE]

FILEs are PEM; certfile holds the certificate and its intermediates. With `clientca` only clients whose certificate
leads to it are served. Runs until interrupted.
"""

import asyncio
import ssl
import sys

PAGE = """<!doctype html>
<title>MicroPython over TLS</title>
<p>This page was served by MicroPython with the {} engine over {}, {}.</p>
"""


def make_context(certfile, keyfile, clientca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certfile, keyfile)
    if clientca:
        context.load_verify_locations(cafile=clientca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def serve_client(reader, writer):
    try:
        request = await reader.readline()
        while (await reader.readline()).strip():
            pass
        if request:
            suite, version, _ = writer.s.cipher()
            body = PAGE.format(ssl.ENGINE, version, suite)
            writer.write("HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{}".format(
                len(body), body).encode())
            await writer.drain()
    except OSError as error:
        print("client failed:", getattr(error, "detail", None) or error)
    finally:
        writer.close()
        await writer.wait_closed()


async def serve(port, host="127.0.0.1", **files):
    context = make_context(**files)
    await asyncio.start_server(serve_client, host, port, backlog=64, ssl=context)
    print("listening on https://{}:{}/".format(host, port))
    await asyncio.Event().wait()


def main():
    if len(sys.argv) < 2:
        print(__doc__)
        return 1
    try:
        asyncio.run(serve(int(sys.argv[1]), **dict(arg.split("=", 1) for arg in sys.argv[2:])))
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
