#include "scenarios.h"

// Keys are of the kind EC: RSA takes ten times as long, and blinds with random numbers of its own.
#define TRUSTING \
    { .anchors = "root", .verify = TLS_VERIFY_MODE_REQUIRED, .hostname = "server.test" }
#define TRUSTING_WITH(...) \
    { .anchors = "root", .verify = TLS_VERIFY_MODE_REQUIRED, .hostname = "server.test", __VA_ARGS__ }
#define ONLY(version) .minimum = (version), .maximum = (version)

#define STRANGER(what, chain, version) \
    { \
        .name = (what), \
        .setup = {.client = TRUSTING, .server = {.certificate = (chain), ONLY(version)}}, \
        .stranger = true, \
    }

static void demand(bool ok) {
    if (!ok) {
        fail_msg("a scenario cannot be configured");
    }
}

static void with_bundle(pair_t *pair) {
    blob_t bundle = load("roots", ".bundle");
    tls_bundle_source_t source = {.data = bundle.data, .len = bundle.len};
    tls_error_t error;
    demand(tls_context_add_bundle(pair->client.context, &source, &error));
}

static void with_lists(pair_t *pair) {
    blob_t lists = load("crls", ".pem");
    tls_error_t error;
    demand(tls_context_add_trust_anchors(pair->client.context, lists.data, lists.len, false, &error));
    demand(tls_context_set_verify_flags(pair->client.context, TLS_VERIFY_FLAG_CRL_CHAIN, &error));
}

static void with_pin_of_nobody(pair_t *pair) {
    tls_error_t error;
    demand(tls_context_set_pins(pair->client.context, (const uint8_t[TLS_PIN_SIZE]) {1}, 1, &error));
}

static void without_tickets(pair_t *pair) {
    tls_context_set_session_cache_size(pair->client.context, 2);
    tls_context_set_session_cache_size(pair->server.context, 2);
}

static const side_t other_server = {.certificate = "p384", .alpn = {"h2", "http/1.1"}};

const scenario_t stream_scenarios[] = {
    {.name = "1.2", .setup = {.client = TRUSTING, .server = {.certificate = "ec", ONLY(TLS_VERSION_1_2)}}},
    {.name = "1.3", .setup = {.client = TRUSTING, .server = {.certificate = "ec", ONLY(TLS_VERSION_1_3)}}},
    {
        .name = "1.2, client certificate",
        .setup = {
            .client = {
                .anchors = "root",
                .verify = TLS_VERIFY_MODE_REQUIRED,
                .hostname = "127.0.0.1",
                .certificate = "client-ec",
                ONLY(TLS_VERSION_1_2),
            },
            .server = {.certificate = "ec", .anchors = "root", .verify = TLS_VERIFY_MODE_REQUIRED},
        },
    },
    {
        .name = "1.3, client certificate",
        .setup = {
            .client = TRUSTING_WITH(.certificate = "client-ec", ONLY(TLS_VERSION_1_3)),
            .server = {.certificate = "ec", .anchors = "root", .verify = TLS_VERIFY_MODE_REQUIRED},
        },
    },
    {
        .name = "1.2, key",
        .setup = {
            .client = {.psk_identity = "gateway-7", .psk_key = "0123456789abcdef", ONLY(TLS_VERSION_1_2)},
            .server = {.psk_identity = "gateway-7", .psk_key = "0123456789abcdef"},
        },
    },
    {
        .name = "1.3, key",
        .setup = {
            .client = {
                .psk_identity = "gateway-7",
                .psk_key = "0123456789abcdef",
                .psk_from_hook = true,
                ONLY(TLS_VERSION_1_3),
            },
            .server = {.psk_identity = "gateway-7", .psk_key = "0123456789abcdef"},
        },
    },
    {
        .name = "1.2, resumed",
        .setup = {.client = TRUSTING, .server = {.certificate = "ec", ONLY(TLS_VERSION_1_2)}},
        .resumes = true,
    },
    {
        .name = "1.3, resumed",
        .setup = {.client = TRUSTING, .server = {.certificate = "ec", ONLY(TLS_VERSION_1_3)}},
        .resumes = true,
    },
    {
        .name = "1.2, resumed, client certificate",
        .setup = {
            .client = TRUSTING_WITH(.certificate = "client-ec", ONLY(TLS_VERSION_1_2)),
            .server = {.certificate = "ec", .anchors = "root", .verify = TLS_VERIFY_MODE_OPTIONAL},
        },
        .resumes = true,
    },
    {
        .name = "1.2, kept sessions",
        .setup = {.client = TRUSTING, .server = {.certificate = "ec", ONLY(TLS_VERSION_1_2)}},
        .configure = without_tickets,
        .resumes = true,
        .fresh = true,
    },
    {
        .name = "any version, names and protocols",
        .setup = {
            .client = TRUSTING_WITH(.alpn = {"http/1.1", "imap"}),
            .server = {.certificate = "ec"},
            .other = &other_server,
        },
        .keylog = true,
    },
    {
        .name = "1.2, names and protocols",
        .setup = {
            .client = {
                .anchors = "root",
                .verify = TLS_VERIFY_MODE_REQUIRED,
                .hostname = "a.wild.test",
                .alpn = {"http/1.1", "imap"},
                ONLY(TLS_VERSION_1_2),
            },
            .server = {.certificate = "ec"},
            .other = &other_server,
        },
        .keylog = true,
    },
    {
        .name = "1.3, asked again",
        .setup = {
            .client = TRUSTING_WITH(.groups = {"X25519", "secp256r1"}),
            .server = {.certificate = "ec", .groups = {"secp256r1"}, ONLY(TLS_VERSION_1_3)},
        },
    },
    {
        .name = "1.2, short records",
        .setup = {
            .client = TRUSTING_WITH(.max_record = 512, ONLY(TLS_VERSION_1_2)),
            .server = {.certificate = "ec"},
        },
    },
    {
        .name = "1.2, CBC",
        .setup = {
            .client = TRUSTING_WITH(.ciphers = {0xc023}),
            .server = {.certificate = "ec", .ciphers = {0xc023}, ONLY(TLS_VERSION_1_2)},
        },
    },
    {
        .name = "1.2, ChaCha20",
        .setup = {
            .client = TRUSTING_WITH(.ciphers = {0xcca9}),
            .server = {.certificate = "ec", ONLY(TLS_VERSION_1_2)},
        },
    },
    {
        .name = "1.3, bundle",
        .setup = {
            .client = {.verify = TLS_VERIFY_MODE_REQUIRED, .hostname = "server.test"},
            .server = {.certificate = "ec"},
        },
        .configure = with_bundle,
    },
    {
        .name = "1.2, revocation lists",
        .setup = {.client = TRUSTING, .server = {.certificate = "ec", ONLY(TLS_VERSION_1_2)}},
        .configure = with_lists,
    },
    {
        .name = "1.3, anybody",
        .setup = {
            .client = {.anchors = "root", .verify = TLS_VERIFY_MODE_OPTIONAL, .hostname = "server.test"},
            .server = {.certificate = "expired"},
        },
    },
    {
        .name = "1.2, anybody",
        .setup = {.client = {.hostname = NULL}, .server = {.certificate = "self-signed", ONLY(TLS_VERSION_1_2)}},
    },
    {
        .name = "1.2, stranger",
        .setup = {.client = TRUSTING, .server = {.certificate = "other-ca", ONLY(TLS_VERSION_1_2)}},
        .stranger = true,
    },
    {
        .name = "1.3, stranger",
        .setup = {.client = TRUSTING, .server = {.certificate = "other-ca"}},
        .stranger = true,
    },
    {
        .name = "1.3, another name",
        .setup = {.client = TRUSTING, .server = {.certificate = "wrong-name"}},
        .stranger = true,
    },
    {
        .name = "1.3, revoked",
        .setup = {.client = TRUSTING, .server = {.certificate = "revoked"}},
        .configure = with_lists,
        .stranger = true,
    },
    {
        .name = "1.3, not pinned",
        .setup = {.client = {.hostname = "server.test"}, .server = {.certificate = "ec"}},
        .configure = with_pin_of_nobody,
        .stranger = true,
    },
    {
        .name = "1.2, not pinned",
        .setup = {.client = {.hostname = "server.test"}, .server = {.certificate = "ec", ONLY(TLS_VERSION_1_2)}},
        .configure = with_pin_of_nobody,
        .stranger = true,
    },
    {
        .name = "1.3, another key",
        .setup = {
            .client = {.psk_identity = "gateway-7", .psk_key = "0123456789abcdef"},
            .server = {.psk_identity = "gateway-7", .psk_key = "fedcba9876543210"},
        },
        .stranger = true,
    },
    {
        .name = "1.3, client certificate of a stranger",
        .setup = {
            .client = TRUSTING_WITH(.certificate = "client-other"),
            .server = {.certificate = "ec", .anchors = "root", .verify = TLS_VERIFY_MODE_REQUIRED},
        },
    },
    STRANGER("1.2, expired", "expired", TLS_VERSION_1_2),
    STRANGER("1.3, not yet valid", "not-yet", TLS_VERSION_1_3),
    STRANGER("1.3, issued by itself", "self-signed", TLS_VERSION_1_3),
    STRANGER("1.2, no name but the old one", "cn-only", TLS_VERSION_1_2),
    STRANGER("1.2, issued by no authority", "not-a-ca", TLS_VERSION_1_2),
    STRANGER("1.3, for clients", "wrong-usage", TLS_VERSION_1_3),
    STRANGER("1.3, issued by an expired authority", "expired-root", TLS_VERSION_1_3),
    {
        .name = "1.2, two certificates",
        .setup = {
            .client = TRUSTING_WITH(.ciphers = {0xc02b}),
            .server = {.certificate = "ec", .second_certificate = "rsa", ONLY(TLS_VERSION_1_2)},
        },
    },
    {
        .name = "1.3, no client certificate",
        .setup = {
            .client = TRUSTING,
            .server = {.certificate = "ec", .anchors = "root", .verify = TLS_VERIFY_MODE_REQUIRED},
        },
    },
    {
        .name = "1.2, no client certificate",
        .setup = {
            .client = TRUSTING_WITH(ONLY(TLS_VERSION_1_2)),
            .server = {.certificate = "ec", .anchors = "root", .verify = TLS_VERIFY_MODE_REQUIRED},
        },
    },
    {
        .name = "1.3, a certificate in place of a key",
        .setup = {
            .client = {.psk_identity = "gateway-7", .psk_key = "0123456789abcdef"},
            .server = {.certificate = "ec"},
        },
        .stranger = true,
    },
    {
        .name = "1.2, no protocol in common",
        .setup = {
            .client = TRUSTING_WITH(.alpn = {"imap"}),
            .server = {.certificate = "ec", .alpn = {"http/1.1"}, ONLY(TLS_VERSION_1_2)},
        },
        .stranger = true,
    },
    {
        .name = "no version in common",
        .setup = {
            .client = {.hostname = "server.test", ONLY(TLS_VERSION_1_3)},
            .server = {.certificate = "ec", ONLY(TLS_VERSION_1_2)},
        },
        .stranger = true,
    },
};

const size_t stream_scenario_count = COUNT(stream_scenarios);

const scenario_t datagram_scenarios[] = {
    {.name = "usual", .setup = {.datagram = true, .client = TRUSTING, .server = {.certificate = "ec"}}},
    {
        .name = "client certificate, small datagrams",
        .setup = {
            .datagram = true,
            .client = TRUSTING_WITH(.certificate = "client-ec", .mtu = 300),
            .server = {.certificate = "ec", .anchors = "root", .verify = TLS_VERIFY_MODE_REQUIRED, .mtu = 256},
        },
    },
    {
        .name = "key",
        .setup = {
            .datagram = true,
            .client = {.psk_identity = "gateway-7", .psk_key = "0123456789abcdef"},
            .server = {.psk_identity = "gateway-7", .psk_key = "0123456789abcdef", .client_id = "192.0.2.1:7"},
        },
    },
    {
        .name = "resumed",
        .setup = {.datagram = true, .client = TRUSTING, .server = {.certificate = "ec", .client_id = "192.0.2.1:7"}},
        .resumes = true,
    },
    {
        .name = "kept sessions",
        .setup = {.datagram = true, .client = TRUSTING, .server = {.certificate = "ec"}},
        .configure = without_tickets,
        .resumes = true,
        .fresh = true,
    },
    {
        .name = "names and protocols",
        .setup = {
            .datagram = true,
            .client = TRUSTING_WITH(.alpn = {"coap", "h2"}),
            .server = {.certificate = "ec"},
            .other = &other_server,
        },
        .keylog = true,
    },
    {
        .name = "anybody, short records",
        .setup = {
            .datagram = true,
            .client = {.hostname = "server.test", .max_record = 512},
            .server = {.certificate = "self-signed", .max_record = 1024},
        },
    },
    {
        .name = "stranger",
        .setup = {.datagram = true, .client = TRUSTING, .server = {.certificate = "other-ca"}},
        .stranger = true,
    },
    {
        .name = "not pinned",
        .setup = {.datagram = true, .client = {.hostname = "server.test"}, .server = {.certificate = "ec"}},
        .configure = with_pin_of_nobody,
        .stranger = true,
    },
};

const size_t datagram_scenario_count = COUNT(datagram_scenarios);
