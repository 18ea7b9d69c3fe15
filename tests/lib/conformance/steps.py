"""How cases change what a peer does: its steps, its messages, its hellos, its records."""

from tls_bytes.wire import message

# Our client has a certificate; our server wants one.
CLIENT_CERTIFICATE = {"cert": ["@client-ec-chain.pem", "@client-ec.key"]}
WANTS_CERTIFICATE = {"cafile": "@root.pem"}


def insert_before(peer, step, *more):
    i = peer.steps.index(step)
    peer.steps[i:i] = more


def insert_after(peer, step, *more):
    i = peer.steps.index(step) + 1
    peer.steps[i:i] = more


def ask_certificate(peer):
    """Of our client."""
    if peer.version == 13:
        insert_after(peer, "send encrypted_extensions", "send certificate_request")
        insert_before(peer, "hear finished", "hear certificate", "hear certificate_verify")
    else:
        insert_before(peer, "send server_hello_done", "send certificate_request")
        insert_before(peer, "hear client_key_exchange", "hear certificate")
        insert_after(peer, "hear client_key_exchange", "hear certificate_verify")


def show_certificate(peer):
    """To our server, which asks for it."""
    if peer.version == 13:
        insert_after(peer, "hear encrypted_extensions", "hear certificate_request")
        insert_before(peer, "send finished", "send certificate", "send certificate_verify")
    else:
        insert_before(peer, "hear server_hello_done", "hear certificate_request")
        insert_before(peer, "send client_key_exchange", "send certificate")
        insert_after(peer, "send client_key_exchange", "send certificate_verify")


def body(change):
    """Alters the body of a message, whose length is then right again."""
    return lambda data: message(data[0], change(data[4:]))


def flip(data, at=-1):
    """One bit of it is another one."""
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)
