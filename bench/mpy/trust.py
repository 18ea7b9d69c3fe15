# What a client verifies servers by: None, one root ("root.der"), or the bundle of all ("roots.bundle"), which lies in ROMFS.

import tls


def load(context, roots):
    context.verify_mode = tls.CERT_REQUIRED if roots else tls.CERT_NONE
    if roots == "root.der":
        with open("/host/certs/root.der", "rb") as f:
            context.load_verify_locations(f.read())
    elif roots:
        context.load_verify_locations("/rom/" + roots)
