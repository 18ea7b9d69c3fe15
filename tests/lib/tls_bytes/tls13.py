"""Both ends of TLS 1.3 (RFC 8446)."""

from tls_bytes import keys
from tls_bytes.keys import Share, derive
from tls_bytes.peer import Peer
from tls_bytes.records import Sealed13
from tls_bytes.wire import (AES_128_GCM_SHA256, CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_VERIFY, CLIENT_HELLO,
                            ECDSA_P256_SHA256, ENCRYPTED_EXTENSIONS, FINISHED, KEY_SHARE, KEY_UPDATE, MESSAGE_HASH,
                            NEW_SESSION_TICKET, P256, PRE_SHARED_KEY, PSK_KEY_EXCHANGE_MODES, RETRY, SERVER_HELLO,
                            SERVER_NAME, SIGNATURE_ALGORITHMS, SUPPORTED_GROUPS, SUPPORTED_VERSIONS, TLS13, X25519,
                            Extensions, Hello, Reader, message, number, u8, u16, u16s, vector)


class Peer13(Peer):
    """What client and server have in common. A ticket is (identity, psk)."""

    role, version = None, 13

    def __init__(self, identity, groups=(X25519, P256)):
        super().__init__(identity)
        self.groups = groups
        self.suite = AES_128_GCM_SHA256
        self.psk = None  # once it is agreed on
        self.scheme = ECDSA_P256_SHA256

    def agree_on_handshake_keys(self, shared):
        secret = keys.mac(b"", self.psk or keys.ZEROS)
        secret = keys.next_secret(secret, shared)
        self.handshake = {role: derive(secret, role[:1].encode() + b" hs traffic", self.transcript)
                          for role in ("client", "server")}
        self.master = keys.next_secret(secret, keys.ZEROS)
        self.read_with(self.handshake)
        self.write_with(Sealed13(self.handshake[self.role]))

    def read_with(self, secrets):
        self.reading = Sealed13(secrets["server" if self.role == "client" else "client"])

    def agree_on_traffic_keys(self):
        """When the server's Finished is in the transcript."""
        self.traffic = {role: derive(self.master, role[:1].encode() + b" ap traffic", self.transcript)
                        for role in ("client", "server")}

    def send_certificate(self, context=b""):
        entries = b"".join(vector(each, 3) + Extensions().encode() for each in self.identity.chain)
        self.say("certificate", message(CERTIFICATE, vector(context, 1) + vector(entries, 3)))

    def send_certificate_verify(self):
        content = b" " * 64 + f"TLS 1.3, {self.role} CertificateVerify\0".encode() + keys.sha256(self.transcript)
        signature = self.identity.sign(content)
        self.say("certificate_verify", message(CERTIFICATE_VERIFY, u16(self.scheme) + vector(signature, 2)))

    def say_finished(self):
        self.say("finished", message(FINISHED, keys.finished(self.handshake[self.role], self.transcript)))

    def send_key_update(self, wanted=0):
        self.say("key_update", message(KEY_UPDATE, u8(wanted)))
        self.write_with(self.writing.updated())

    def resumption_psk(self, nonce):
        return keys.expand_label(derive(self.master, b"res master", self.transcript_of_handshake), b"resumption", nonce, 32)


class Server13(Peer13):
    role = "server"
    steps = ("hear client_hello", "send server_hello", "send encrypted_extensions", "send certificate",
             "send certificate_verify", "send finished", "hear finished")

    ticket = None  # (identity, psk) that it knows
    resumed = False

    def hear_client_hello(self):
        self.hello = Hello.decode(self.hear(CLIENT_HELLO))
        offered = self.hello.extensions.get(PRE_SHARED_KEY)
        if self.ticket and offered and Reader(Reader(offered).vector(2)).vector(2) == self.ticket[0]:
            self.psk, self.resumed = self.ticket[1], True
            # What a certificate would have said is known.
            self.steps[:] = [step for step in self.steps if step not in ("send certificate", "send certificate_verify")]

    def offered_shares(self):
        inner, shares = Reader(Reader(self.hello.extensions.get(KEY_SHARE)).vector(2)), {}
        while inner.data:
            group = inner.number(2)
            shares[group] = inner.vector(2)
        return shares

    def answer(self, random=None):
        """A hello without key share."""
        hello = Hello(SERVER_HELLO, [self.suite], session_id=self.hello.session_id)
        hello.random = random or hello.random
        hello.extensions.put(SUPPORTED_VERSIONS, u16(TLS13))
        return hello

    def send_hello_retry_request(self, group=P256, cookie=None):
        self.transcript = message(MESSAGE_HASH, keys.sha256(self.transcript))
        hello = self.answer(RETRY)
        if group:
            hello.extensions.put(KEY_SHARE, u16(group))
        if cookie:
            hello.extensions.put(44, vector(cookie, 2))
        self.say_hello("hello_retry_request", hello)

    def send_server_hello(self):
        offered = self.offered_shares()
        group = next(group for group in self.groups if group in offered)
        share = Share(group)
        hello = self.answer()
        hello.extensions.put(KEY_SHARE, u16(group) + vector(share.public, 2))
        if self.resumed:
            hello.extensions.put(PRE_SHARED_KEY, u16(0))
        self.say_hello("server_hello", hello)
        self.agree_on_handshake_keys(share.agree(offered[group]))

    def send_encrypted_extensions(self):
        self.say("encrypted_extensions", message(ENCRYPTED_EXTENSIONS, Extensions().encode()))

    def send_certificate_request(self, context=b""):
        extensions = Extensions([(SIGNATURE_ALGORITHMS, vector(u16(ECDSA_P256_SHA256), 2))])
        self.say("certificate_request", message(CERTIFICATE_REQUEST, vector(context, 1) + extensions.encode()))

    def hear_certificate(self):
        self.hear(CERTIFICATE)

    def hear_certificate_verify(self):
        self.hear(CERTIFICATE_VERIFY)

    def send_finished(self):
        self.say_finished()
        self.agree_on_traffic_keys()
        self.write_with(Sealed13(self.traffic["server"]))

    def hear_finished(self):
        expected = keys.finished(self.handshake["client"], self.transcript)
        assert self.hear(FINISHED)[4:] == expected
        self.transcript_of_handshake = self.transcript
        self.read_with(self.traffic)

    def send_ticket(self, lifetime=7200, identity=b"a ticket", nonce=b"\0", age=0, extensions=b"\0\0"):
        self.ticket = identity, self.resumption_psk(nonce)
        self.say("new_session_ticket", message(NEW_SESSION_TICKET, number(lifetime, 4) + number(age, 4) + vector(nonce, 1)
                                               + vector(identity, 2) + extensions))


class Client13(Peer13):
    role = "client"
    steps = ("send client_hello", "hear server_hello", "hear encrypted_extensions", "hear certificate",
             "hear certificate_verify", "hear finished", "send finished")

    ticket = None  # (identity, psk, obfuscated age) to offer
    resumed = False
    name = b"server.test"

    def client_hello(self):
        self.shares = {group: Share(group) for group in self.groups[:1]}
        hello = Hello(CLIENT_HELLO, [self.suite])
        hello.extensions.put(SERVER_NAME, vector(b"\0" + vector(self.name, 2), 2))
        hello.extensions.put(SUPPORTED_VERSIONS, vector(u16(TLS13), 1))
        hello.extensions.put(SUPPORTED_GROUPS, vector(u16s(self.groups), 2))
        hello.extensions.put(SIGNATURE_ALGORITHMS, vector(u16(ECDSA_P256_SHA256), 2))
        self.put_shares(hello)
        # Without it there would be no tickets.
        hello.extensions.put(PSK_KEY_EXCHANGE_MODES, vector(b"\1", 1))
        return hello

    def put_shares(self, hello):
        hello.extensions.put(KEY_SHARE, vector(
            b"".join(u16(group) + vector(share.public, 2) for group, share in self.shares.items()), 2))

    def send_client_hello(self):
        self.hello = self.client_hello()
        self.say_client_hello("client_hello")

    def say_client_hello(self, name):
        if self.ticket:
            # Once as a draft, over which the binder is made (section 4.2.11.2), and which the test has altered already.
            self.alter_hello.get(name, lambda hello: None)(self.hello)
            identity, psk, age = self.ticket
            identities = vector(vector(identity, 2) + number(age, 4), 2)
            self.hello.extensions.put(PRE_SHARED_KEY, identities + vector(vector(keys.ZEROS, 1), 2))
            draft = self.transcript + self.hello.encode()[:-35]
            early = keys.mac(b"", psk)
            binder = keys.finished(derive(early, b"res binder", b""), draft)
            self.hello.extensions.put(PRE_SHARED_KEY, identities + vector(vector(binder, 1), 2))
            self.say(name, self.hello.encode())
        else:
            self.say_hello(name, self.hello)

    def hear_hello_retry_request(self):
        self.transcript = message(MESSAGE_HASH, keys.sha256(self.transcript))
        self.retry = Hello.decode(self.hear(SERVER_HELLO))
        assert self.retry.random == RETRY
        group = Reader(self.retry.extensions.get(KEY_SHARE)).number(2)
        self.shares = {group: Share(group)}

    def send_second_hello(self):
        self.put_shares(self.hello)
        if self.retry.extensions.get(44):
            self.hello.extensions.put(44, self.retry.extensions.get(44))
        self.say_client_hello("second_hello")

    def hear_server_hello(self):
        hello = Hello.decode(self.hear(SERVER_HELLO))
        reader = Reader(hello.extensions.get(KEY_SHARE))
        share = self.shares[reader.number(2)]
        if hello.extensions.get(PRE_SHARED_KEY) is not None:
            self.psk, self.resumed = self.ticket[1], True
            self.steps[:] = [step for step in self.steps if step not in ("hear certificate", "hear certificate_verify")]
        self.agree_on_handshake_keys(share.agree(reader.vector(2)))

    def hear_encrypted_extensions(self):
        self.hear(ENCRYPTED_EXTENSIONS)

    def hear_certificate_request(self):
        self.hear(CERTIFICATE_REQUEST)

    def hear_certificate(self):
        self.hear(CERTIFICATE)

    def hear_certificate_verify(self):
        self.hear(CERTIFICATE_VERIFY)

    def hear_finished(self):
        expected = keys.finished(self.handshake["server"], self.transcript)
        assert self.hear(FINISHED)[4:] == expected
        self.agree_on_traffic_keys()
        self.read_with(self.traffic)

    def send_finished(self):
        self.say_finished()
        self.transcript_of_handshake = self.transcript
        self.write_with(Sealed13(self.traffic["client"]))

    def ticket_to_offer(self, later=1000):
        """From the last ticket that came, as if so many milliseconds had passed."""
        reader = Reader(self.tickets[-1][4:])
        reader.take(4)
        add, nonce, identity = reader.number(4), reader.vector(1), reader.vector(2)
        return identity, self.resumption_psk(nonce), (add + later) % (1 << 32)
