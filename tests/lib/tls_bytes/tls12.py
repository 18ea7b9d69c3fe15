"""Both ends of TLS 1.2 (RFC 5246, 8422, 7627, 5077)."""

from tls_bytes import keys
from tls_bytes.keys import Share, prf
from tls_bytes.peer import Peer
from tls_bytes.records import Sealed12
from tls_bytes.wire import (CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_VERIFY, CHANGE_CIPHER_SPEC, CLIENT_HELLO,
                            CLIENT_KEY_EXCHANGE, EC_POINT_FORMATS, ECDHE_ECDSA_AES_128_GCM_SHA256, ECDSA_P256_SHA256,
                            EXTENDED_MASTER_SECRET, FINISHED, NEW_SESSION_TICKET, P256, RENEGOTIATION_INFO, SERVER_HELLO,
                            SERVER_HELLO_DONE, SERVER_KEY_EXCHANGE, SERVER_NAME, SESSION_TICKET, SIGNATURE_ALGORITHMS,
                            SUPPORTED_GROUPS, X25519, Hello, Reader, message, u8, u16, u16s, vector)


class Peer12(Peer):
    """What client and server have in common."""

    role, version = None, 12

    def __init__(self, identity, groups=(X25519, P256)):
        super().__init__(identity)
        self.groups = groups
        self.suite = ECDHE_ECDSA_AES_128_GCM_SHA256
        self.scheme = ECDSA_P256_SHA256
        self.extended = True
        self.master = None
        self.randoms = {}

    def agree_on_master(self, shared):
        if self.extended:
            self.master = prf(shared, b"extended master secret", keys.sha256(self.transcript), 48)
        else:
            self.master = prf(shared, b"master secret", self.randoms["client"] + self.randoms["server"], 48)

    def protection(self, role):
        block = prf(self.master, b"key expansion", self.randoms["server"] + self.randoms["client"], 40)
        return (Sealed12(block[:16], block[32:36]) if role == "client" else Sealed12(block[16:32], block[36:]))

    def send_certificate(self):
        self.say("certificate", message(CERTIFICATE, vector(b"".join(vector(each, 3) for each in self.identity.chain), 3)))

    def send_keys(self):
        """change_cipher_spec, and what it announces."""
        self.send_change_cipher_spec()
        self.write_with(self.protection(self.role))

    def hear_keys(self):
        """change_cipher_spec."""
        kind, _ = self.hear_record()
        assert kind == CHANGE_CIPHER_SPEC
        self.reading = self.protection("server" if self.role == "client" else "client")

    def verify_data(self, role):
        return prf(self.master, role.encode() + b" finished", keys.sha256(self.transcript), 12)

    def send_finished(self):
        self.say("finished", message(FINISHED, self.verify_data(self.role)))

    def hear_finished(self):
        expected = self.verify_data("server" if self.role == "client" else "client")
        assert self.hear(FINISHED)[4:] == expected


class Server12(Peer12):
    role = "server"
    steps = ("hear client_hello", "send server_hello", "send certificate", "send server_key_exchange",
             "send server_hello_done", "hear client_key_exchange", "hear keys", "hear finished", "send keys",
             "send finished")

    point = None  # to send in place of its own

    def hear_client_hello(self):
        self.hello = Hello.decode(self.hear(CLIENT_HELLO))
        self.randoms["client"] = self.hello.random

    def send_server_hello(self):
        hello = Hello(SERVER_HELLO, [self.suite], session_id=b"")
        hello.extensions.put(RENEGOTIATION_INFO, b"\0")
        hello.extensions.put(EC_POINT_FORMATS, b"\1\0")
        if self.extended:
            hello.extensions.put(EXTENDED_MASTER_SECRET)
        self.say_hello("server_hello", hello)
        self.randoms["server"] = hello.random

    def send_server_key_exchange(self):
        self.share = Share(self.groups[0])
        point = self.share.public if self.point is None else self.point
        parameters = b"\3" + u16(self.share.group) + vector(point, 1)
        signature = self.identity.sign(self.randoms["client"] + self.randoms["server"] + parameters)
        self.say("server_key_exchange", message(SERVER_KEY_EXCHANGE, parameters + u16(self.scheme) + vector(signature, 2)))

    def send_certificate_request(self):
        self.say("certificate_request", message(CERTIFICATE_REQUEST, vector(b"\x40", 1)
                                                + vector(u16(ECDSA_P256_SHA256), 2) + vector(b"", 2)))

    def send_server_hello_done(self):
        self.say("server_hello_done", message(SERVER_HELLO_DONE, b""))

    def hear_certificate(self):
        self.hear(CERTIFICATE)

    def hear_certificate_verify(self):
        self.hear(CERTIFICATE_VERIFY)

    def hear_client_key_exchange(self):
        public = Reader(self.hear(CLIENT_KEY_EXCHANGE)[4:]).vector(1)
        self.agree_on_master(self.share.agree(public))


class Client12(Peer12):
    role = "client"
    steps = ("send client_hello", "hear server_hello", "hear certificate", "hear server_key_exchange",
             "hear server_hello_done", "send client_key_exchange", "send keys", "send finished", "hear ticket", "hear keys",
             "hear finished")

    ticket = None  # (ticket, master secret) to offer
    resumed = False

    def send_client_hello(self):
        hello = Hello(CLIENT_HELLO, [self.suite])
        hello.extensions.put(SERVER_NAME, vector(b"\0" + vector(b"server.test", 2), 2))
        hello.extensions.put(SUPPORTED_GROUPS, vector(u16s(self.groups), 2))
        hello.extensions.put(EC_POINT_FORMATS, b"\1\0")
        hello.extensions.put(SIGNATURE_ALGORITHMS, vector(u16(ECDSA_P256_SHA256), 2))
        hello.extensions.put(RENEGOTIATION_INFO, b"\0")
        if self.extended:
            hello.extensions.put(EXTENDED_MASTER_SECRET)
        hello.extensions.put(SESSION_TICKET, self.ticket[0] if self.ticket else b"")
        if self.ticket:
            # Given back by a server that takes the ticket (RFC 5077 section 3.4).
            hello.session_id = bytes(range(32))
        self.say_hello("client_hello", hello)
        self.hello = hello
        self.randoms["client"] = hello.random

    def hear_server_hello(self):
        self.answer = Hello.decode(self.hear(SERVER_HELLO))
        self.randoms["server"] = self.answer.random
        if self.ticket and self.answer.session_id == self.hello.session_id:
            self.resumed, self.master = True, self.ticket[1]
            self.steps[2:] = ["hear ticket", "hear keys", "hear finished", "send keys", "send finished"]

    def hear_certificate(self):
        self.hear(CERTIFICATE)

    def hear_server_key_exchange(self):
        reader = Reader(self.hear(SERVER_KEY_EXCHANGE)[4:])
        reader.take(1)
        self.group = reader.number(2)
        self.public = reader.vector(1)

    def hear_certificate_request(self):
        self.hear(CERTIFICATE_REQUEST)

    def hear_server_hello_done(self):
        self.hear(SERVER_HELLO_DONE)

    def send_client_key_exchange(self):
        share = Share(self.group)
        self.say("client_key_exchange", message(CLIENT_KEY_EXCHANGE, vector(share.public, 1)))
        self.agree_on_master(share.agree(self.public))

    def send_certificate_verify(self):
        signature = self.identity.sign(self.transcript)
        self.say("certificate_verify", message(CERTIFICATE_VERIFY, u16(self.scheme) + vector(signature, 2)))

    def hear_ticket(self):
        if self.answer.extensions.get(SESSION_TICKET) is not None:
            self.tickets.append(self.hear(NEW_SESSION_TICKET))

    def ticket_to_offer(self):
        reader = Reader(self.tickets[-1][8:])
        return reader.vector(2), self.master
