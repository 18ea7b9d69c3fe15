"""Does tshark decrypt a recorded connection with what keylog_filename has written?"""

import capture
import python_peer
import pytest

VERSIONS = ("TLSv1.2", "TLSv1.3")
QUESTION, ANSWER = "what is the secret?", "here it is"

each_version = pytest.mark.parametrize("version", VERSIONS)


def finds(path, port, keylog, udp=False):
    text = str(capture.dissect(path, port, udp, keylog))
    return [":".join(f"{byte:02x}" for byte in words.encode()) in text for words in (QUESTION, ANSWER)]


@each_version
@pytest.mark.parametrize("role", ["client", "server"])
def test_tshark_decrypts(mpy_client, mpy_server, context, certs, tmp_path, version, role):
    """Without the file it does not."""
    keylog, recording = tmp_path / "keylog", tmp_path / "recording.pcap"

    def handle(conn):
        assert conn.recv(100) == QUESTION.encode()
        conn.sendall(ANSWER.encode())
        return python_peer.receive_to_end(conn)

    if role == "client":
        server = python_peer.Server(python_peer.server_context(certs, version=version), handle)
        recorder = capture.Recorder(server.port, recording)
        result = mpy_client(recorder.port, [["write", QUESTION], ["read", len(ANSWER)], ["close"]],
                            context=context("TLS_CLIENT", ca="root", version=version).set(keylog_filename=str(keylog))).result()
        server.result()
        port = server.port
    else:
        server = mpy_server([["read", len(QUESTION)], ["write", ANSWER], ["read_to_end"], ["close"]],
                            context=context("TLS_SERVER", cert="ec", version=version).set(keylog_filename=str(keylog)))
        recorder = capture.Recorder(server.port, recording)
        conn = python_peer.connect(recorder.port, python_peer.client_context(certs, version=version))
        conn.sendall(QUESTION.encode())
        assert conn.recv(100) == ANSWER.encode()
        python_peer.close_notify(conn)
        conn.close()
        result = server.result()
        port = server.port
    assert result["error"] is None, result["error"]["traceback"]
    recorder.close()
    assert finds(recording, port, keylog) == [True, True]
    assert finds(recording, port, "/dev/null") == [False, False]


def test_tshark_decrypts_a_resumed_connection(mpy_client, context, certs, tmp_path):
    """TLS 1.2: its keys come from the session, and are told again."""
    keylog, recording = tmp_path / "keylog", tmp_path / "recording.pcap"

    def handle(conn):
        assert conn.recv(100) == QUESTION.encode()
        conn.sendall(ANSWER.encode())
        return python_peer.receive_to_end(conn)

    server = python_peer.Server(python_peer.server_context(certs, version="TLSv1.2"), handle, connections=2)
    spec = context("TLS_CLIENT", ca="root", version="TLSv1.2")
    steps = [["write", QUESTION], ["read", len(ANSWER)]]
    session = str(tmp_path / "session")
    first = mpy_client(server.port, [*steps, ["save_session", session], ["close"]], context=spec).result()
    assert first["error"] is None, first["error"]["traceback"]
    recorder = capture.Recorder(server.port, recording)
    second = mpy_client(recorder.port, [*steps, ["close"]], session=session,
                        context=spec.set(keylog_filename=str(keylog))).result()
    assert second["error"] is None, second["error"]["traceback"]
    assert second["info"]["reused"]
    recorder.close()
    assert finds(recording, server.port, keylog) == [True, True]


def test_tshark_decrypts_dtls(mpy_client, mpy_server, context, other_engine, tmp_path):
    """DTLS 1.2 over UDP, with a cipher that tshark 4.0 decrypts there."""
    keylog, recording = tmp_path / "keylog", tmp_path / "recording.pcap"
    server = mpy_server([["recv", 100], ["write", ANSWER], ["recv", 100], ["close"]], udp=True, engine=other_engine,
                        context=context("DTLS_SERVER", cert="ec"))
    recorder = capture.Recorder(server.port, recording, udp=True)
    result = mpy_client(recorder.port, [["write", QUESTION], ["recv", 100], ["close"]], udp=True,
                        context=context("DTLS_CLIENT", ca="root", ciphers=["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]).set(keylog_filename=str(keylog))).result()
    assert result["error"] is None, result["error"]["traceback"]
    server.result()
    recorder.close()
    assert finds(recording, server.port, keylog, udp=True) == [True, True]
    assert finds(recording, server.port, "/dev/null", udp=True) == [False, False]
