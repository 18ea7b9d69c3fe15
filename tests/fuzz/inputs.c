// Everything that takes bytes from the caller: certificates, keys, lists, bundles, sessions, names, numbers.
//
// An input has a header: what it is for (KIND_*), flags, and which allocation fails (four times the number; 0: none).
// Parts in it have their length in front (2 octets); the last one goes to the end of the input, so that reading beyond
// it is found.

#include "peers.h"
#include "random.h"
#include "start.h"

#include "engine/bundle.h"
#include "engine/certificate.h"
#include "engine/hostname.h"
#include "engine/memory.h"
#include "engine/name_constraints.h"
#include "engine/session.h"
#include "engine/sni.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define HEADER_SIZE 3

#define FLAG_REPAIR  1 // digests and marks are set right
#define FLAG_CONNECT 2 // what was made of it is used for a handshake
#define FLAG_LENIENT 4
#define FLAG_READ    4  // bundles: not in memory
#define FLAG_LISTS   8  // revocation lists are used
#define FLAG_OLD     16 // TLS 1.2

typedef struct input {
    const uint8_t *data;
    size_t len;
    uint8_t flags;
} input_t;

static tls_bytes_t take(input_t *input, size_t len) {
    len = len < input->len ? len : input->len;
    tls_bytes_t part = {input->data, len};
    input->data += len;
    input->len -= len;
    return part;
}

static size_t take_number(input_t *input, size_t octets) {
    tls_bytes_t part = take(input, octets);
    size_t number = 0;
    for (size_t i = 0; i < part.len; i++) {
        number = number << 8 | part.data[i];
    }
    return number;
}

static tls_bytes_t take_part(input_t *input) {
    return take(input, take_number(input, 2));
}

// Parts in between are copied to memory of exactly their size; NUL-terminated as well for texts.
static uint8_t *copy_part(tls_bytes_t part, bool text) {
    uint8_t *copy = malloc(part.len + text);
    assert_non_null(copy);
    if (part.len > 0) {
        memcpy(copy, part.data, part.len);
    }
    if (text) {
        copy[part.len] = '\0';
    }
    return copy;
}

static void check_error(const tls_error_t *error, tls_error_kind_t expected) {
    if (error->kind != expected && error->kind != TLS_ERROR_NO_MEMORY && error->kind != TLS_ERROR_UNSUPPORTED) {
        fail_msg("kind %d, %s, %s", error->kind, error->text, error->detail);
    }
    assert_non_null(tls_error_name(error->code));
    assert_non_null(tls_error_reason(error));
}

// ---------------------------------------------------------------------------------------------------------------------
// Handshakes

static int version_of(const input_t *input) {
    return input->flags & FLAG_OLD ? TLS_VERSION_1_2 : TLS_VERSION_1_3;
}

// false: out of memory.
static bool open_pair(pair_t *pair, const setup_t *setup, const input_t *input) {
    setup_t with_version = *setup;
    if (tls_engine_has(TLS_FEATURE_TLS_1_3)) {
        set_version(&with_version, version_of(input));
    }
    tls_error_t error;
    if (pair_try_open(pair, &with_version, &error)) {
        return true;
    }
    assert_int_equal(error.kind, TLS_ERROR_NO_MEMORY);
    pair_close(pair);
    return false;
}

static bool connect(pair_t *pair) {
    tls_error_t error;
    return pair_try_reopen(pair, &error) && pair_handshake(pair);
}

// ---------------------------------------------------------------------------------------------------------------------
// Certificates and keys

static void check_anchors(tls_context_t *context) {
    size_t count = tls_context_count_trust_anchors(context);
    uint8_t *der = malloc(20000);
    for (size_t i = 0; i < count && i < 20; i++) {
        size_t len = tls_context_copy_trust_anchor(context, i, der, 20000);
        assert_true(len > 0);
        assert_int_equal(tls_context_copy_trust_anchor(context, i, der, 0), len);
    }
    assert_int_equal(tls_context_copy_trust_anchor(context, count, der, 20000), 0);
    free(der);
}

static void try_anchors(input_t *input) {
    setup_t setup = verified_setup();
    setup.client.anchors = NULL;
    pair_t pair;
    if (!open_pair(&pair, &setup, input)) {
        return;
    }
    tls_context_t *context = pair.client.context;
    tls_error_t error;
    bool ok = tls_context_add_trust_anchors(context, input->data, input->len, input->flags & FLAG_LENIENT, &error);
    size_t found = tls_context_count_trust_anchors(context) + tls_context_count_crls(context);
    assert_int_equal(ok, found > 0);
    if (ok) {
        check_anchors(context);
        if (input->flags & FLAG_LISTS) {
            (void)tls_context_set_verify_flags(context, TLS_VERIFY_FLAG_CRL_CHAIN, &error);
        }
        if (input->flags & FLAG_CONNECT) {
            (void)connect(&pair);
        }
        ok = tls_context_add_trust_anchors(context, input->data, input->len, input->flags & FLAG_LENIENT, &error);
        assert_true(ok || error.kind == TLS_ERROR_NO_MEMORY);
    } else {
        check_error(&error, TLS_ERROR_CERTIFICATE);
    }
    pair_close(&pair);
}

static void try_certificate(input_t *input) {
    tls_bytes_t part = take_part(input);
    uint8_t *chain = copy_part(part, false);
    setup_t setup = {.server = {.verify = TLS_VERIFY_MODE_NONE}};
    pair_t pair;
    if (open_pair(&pair, &setup, input)) {
        tls_error_t error;
        bool ok = tls_context_add_certificate(pair.server.context, chain, part.len, input->data, input->len, NULL,
            &error);
        if (!ok) {
            check_error(&error, error.kind == TLS_ERROR_KEY ? TLS_ERROR_KEY : TLS_ERROR_CERTIFICATE);
        } else if (input->flags & FLAG_CONNECT) {
            (void)connect(&pair);
        }
        bool key_ok = tls_check_private_key(input->data, input->len, NULL, &error);
        assert_true(!ok || key_ok || error.kind == TLS_ERROR_NO_MEMORY);
        pair_close(&pair);
    }
    free(chain);
}

// What has a password takes long to decrypt, as it should: that is not tried.
static void try_key(input_t *input) {
    tls_error_t error;
    if (!tls_check_private_key(input->data, input->len, NULL, &error)) {
        check_error(&error, TLS_ERROR_KEY);
    }
}

static void read_names(tls_bytes_t names) {
    tls_name_t name = {.rest = names};
    tls_attribute_t attribute;
    char oid[TLS_OID_TEXT_SIZE];
    while (tls_name_next(&name, &attribute)) {
        (void)tls_oid_text(attribute.type, oid);
        size_t len = tls_text_to_utf8(attribute.value.tag, attribute.value.content, NULL);
        if (len != SIZE_MAX) {
            char *text = malloc(len);
            assert_int_equal(tls_text_to_utf8(attribute.value.tag, attribute.value.content, text), len);
            free(text);
        }
    }
}

static void read_certificate(const tls_certificate_t *certificate) {
    char date[TLS_DATE_TEXT_SIZE];
    (void)tls_date_text(&certificate->not_before, date);
    (void)tls_date_text(&certificate->not_after, date);
    char *serial = malloc(2 * certificate->serial.len + 3);
    assert_true(tls_serial_text(certificate->serial, serial) <= 2 * certificate->serial.len + 3);
    free(serial);
    read_names(certificate->issuer);
    read_names(certificate->subject);
    tls_bytes_t rest = certificate->alt_names;
    tls_element_t element;
    while (tls_element_next(&rest, &element)) {
        const char *kind;
        tls_element_t value;
        char ip[TLS_IP_TEXT_SIZE];
        (void)tls_other_name(element.content, &kind, &value);
        (void)tls_format_ip(element.content.data, element.content.len, ip);
        (void)tls_hostname_matches(element.content, "server.test");
        read_names(element.content);
    }
    for (int kind = TLS_URI_OCSP; kind <= TLS_URI_CRL; kind++) {
        tls_uris_t uris = tls_certificate_uris(certificate, (tls_uri_kind_t)kind);
        tls_bytes_t uri;
        while (tls_uris_next(&uris, &uri)) {
            (void)hash_bytes(uri.data, uri.len);
        }
    }
}

// A certificate, and the constraints of an issuer above it.
static void try_reader(input_t *input) {
    tls_bytes_t part = take_part(input);
    uint8_t *der = copy_part(part, false);
    tls_certificate_t certificate;
    tls_certificate_t issuer;
    if (tls_certificate_read(&certificate, der, part.len)) {
        read_certificate(&certificate);
        tls_bytes_t constraints = {input->data, input->len};
        if (tls_certificate_read(&issuer, input->data, input->len)) {
            read_certificate(&issuer);
            constraints = issuer.name_constraints;
        }
        for (int way = 0; way < 4; way++) {
            (void)tls_names_are_allowed(&certificate, way & 1, constraints,
                way & 2 ? TLS_DOUBT_REFUSES : TLS_DOUBT_ALLOWS);
        }
    }
    free(der);
}

// ---------------------------------------------------------------------------------------------------------------------
// Bundles

static blob_t bundle;
static size_t reads_left;

static bool read_bundle(void *arg, size_t offset, uint8_t *buf, size_t size) {
    (void)arg;
    assert_true(offset <= bundle.len && size <= bundle.len - offset);
    if (reads_left == 0) {
        return false;
    }
    reads_left--;
    memcpy(buf, bundle.data + offset, size);
    return true;
}

#define DIGEST_AT 8
#define INDEX_AT  (DIGEST_AT + TLS_DIGEST_SIZE)
#define COUNT_AT  47 // the last octet of it

static void repair_bundle(void) {
    static const uint8_t magic[] = TLS_BUNDLE_MAGIC;
    if (bundle.len < TLS_BUNDLE_HEADER_SIZE) {
        return;
    }
    uint8_t *p = bundle.data;
    memcpy(p, magic, sizeof(magic));
    size_t count = (size_t)p[44] << 24 | (size_t)p[45] << 16 | (size_t)p[46] << 8 | p[47];
    size_t end = TLS_BUNDLE_HEADER_SIZE + TLS_BUNDLE_ENTRY_SIZE * count;
    if (end <= bundle.len && !tls_sha256(p + INDEX_AT, end - INDEX_AT, p + DIGEST_AT)) {
        memset(p, 0, bundle.len);
    }
}

static void try_bundle(input_t *input) {
    setup_t setup = verified_setup();
    setup.client.anchors = NULL;
    pair_t pair;
    if (!open_pair(&pair, &setup, input)) {
        return;
    }
    reads_left = input->flags & FLAG_READ ? take_number(input, 1) : 0;
    bundle = (blob_t) {copy_part((tls_bytes_t) {input->data, input->len}, false), input->len};
    if (input->flags & FLAG_REPAIR) {
        repair_bundle();
    }
    tls_bundle_source_t source = {.data = bundle.data, .len = bundle.len};
    if (input->flags & FLAG_READ) {
        source = (tls_bundle_source_t) {.len = bundle.len, .read = read_bundle};
    }
    tls_error_t error;
    bool ok = tls_context_add_bundle(pair.client.context, &source, &error);
    if (ok) {
        assert_true(input->flags & FLAG_READ || tls_bundle_is_one(bundle.data, bundle.len));
        size_t count = tls_context_count_trust_anchors(pair.client.context);
        uint8_t der[3000];
        for (size_t i = 0; i <= count && i < 50; i++) {
            size_t len = tls_context_copy_trust_anchor(pair.client.context, i, der, sizeof(der));
            assert_true(len > 0 || i == count);
        }
        bool again = tls_context_add_bundle(pair.client.context, &source, &error);
        assert_true(!again || tls_context_count_trust_anchors(pair.client.context) == count); // twice is once
        if (input->flags & FLAG_CONNECT) {
            (void)connect(&pair);
        }
    } else {
        check_error(&error, TLS_ERROR_CERTIFICATE);
        assert_int_equal(tls_context_count_trust_anchors(pair.client.context), 0);
    }
    pair_close(&pair);
    free(bundle.data);
}

#define PARTS_MAX 8

// What is made of certificates can be read.
static void try_make_bundle(input_t *input) {
    tls_bytes_t parts[PARTS_MAX];
    size_t count = 0;
    while (count < PARTS_MAX && input->len > 0) {
        parts[count++] = take_part(input);
    }
    size_t len;
    uint8_t *made = tls_bundle_make(parts, count, TIME_2026_06_01, &len);
    if (made == NULL) {
        return;
    }
    assert_true(tls_bundle_is_one(made, len));
    tls_error_t error;
    tls_context_t *context = tls_context_new(0, &error);
    tls_bundle_source_t source = {.data = made, .len = len};
    if (context != NULL) {
        bool is_empty = made[COUNT_AT] == 0; // it has fewer than 256
        if (!tls_context_add_bundle(context, &source, &error)) {
            check_error(&error, is_empty ? TLS_ERROR_CERTIFICATE : TLS_ERROR_NO_MEMORY);
        }
        check_anchors(context);
        tls_context_release(context);
    }
    tls_free(made);
}

// ---------------------------------------------------------------------------------------------------------------------
// Sessions

#define SESSION_MARK_SIZE 8
#define SESSION_MAX       (1 << 16)

// Puts mark, digest, and the library's version in front.
static uint8_t *repair_session(const input_t *input, size_t *len) {
    static const uint8_t mark[SESSION_MARK_SIZE] = {'m', 'p', '-', 't', 'l', 's', 0, 1};
    const char *version = tls_engine_version();
    size_t start = SESSION_MARK_SIZE + TLS_DIGEST_SIZE;
    *len = start + 1 + strlen(version) + input->len;
    uint8_t *bytes = malloc(*len);
    memcpy(bytes, mark, sizeof(mark));
    bytes[start] = (uint8_t)strlen(version);
    memcpy(bytes + start + 1, version, strlen(version));
    memcpy(bytes + start + 1 + strlen(version), input->data, input->len);
    if (!tls_sha256(bytes + start, *len - start, bytes + SESSION_MARK_SIZE)) {
        bytes[0] = 0;
    }
    return bytes;
}

// Kept, read and kept again it is the same. (Flags that mean nothing are lost the first time.)
static void check_session(const tls_session_t *session) {
    uint8_t *kept[] = {malloc(SESSION_MAX), malloc(SESSION_MAX)};
    tls_error_t error;
    size_t len = tls_session_serialize(session, kept[0], SESSION_MAX);
    tls_session_t *copy = tls_session_deserialize(kept[0], len, &error);
    if (copy != NULL) {
        size_t again = tls_session_serialize(copy, kept[1], SESSION_MAX);
        assert_true(again == 0 || (again == len && memcmp(kept[0], kept[1], len) == 0));
    } else {
        assert_true(len == 0 || error.kind == TLS_ERROR_NO_MEMORY);
    }
    tls_session_release(copy);
    free(kept[0]);
    free(kept[1]);
    size_t id_len;
    const uint8_t *id = tls_session_id(session, &id_len);
    (void)hash_bytes(id, id_len);
    (void)tls_session_timeout(session);
    (void)tls_session_lifetime_hint(session);
    (void)tls_session_has_ticket(session);
}

static void try_session(input_t *input) {
    size_t len = input->len;
    uint8_t *bytes = input->flags & FLAG_REPAIR ? repair_session(input, &len)
                                                : copy_part((tls_bytes_t) {input->data, input->len}, false);
    tls_error_t error;
    tls_session_t *session = tls_session_deserialize(bytes, len, &error);
    if (session == NULL) {
        check_error(&error, TLS_ERROR_ARGUMENT);
    } else {
        check_session(session);
        setup_t setup = verified_setup();
        pair_t pair;
        if (input->flags & FLAG_CONNECT && open_pair(&pair, &setup, input)) {
            pair.client.session = session;
            (void)connect(&pair);
            pair_close(&pair);
        }
        tls_session_release(session);
    }
    free(bytes);
}

// ---------------------------------------------------------------------------------------------------------------------
// Lists, names and numbers

static void try_ticket_keys(input_t *input) {
    tls_bytes_t keys[TLS_TICKET_KEYS_MAX + 1];
    size_t count = 0;
    bool fits = true;
    while (count < COUNT(keys) && input->len > 0) {
        keys[count] = take_part(input);
        fits = fits && (keys[count].len == TLS_TICKET_KEY_SHORT || keys[count].len == TLS_TICKET_KEY_LONG);
        count++;
    }
    fits = fits && count <= TLS_TICKET_KEYS_MAX;
    setup_t setup = verified_setup();
    pair_t pair;
    if (!open_pair(&pair, &setup, input)) {
        return;
    }
    tls_error_t error;
    bool ok = tls_context_set_ticket_keys(pair.server.context, keys, count, &error);
    assert_true(ok == fits || error.kind == TLS_ERROR_NO_MEMORY);
    if (ok && input->flags & FLAG_CONNECT) {
        (void)connect(&pair);
    }
    assert_false(tls_context_set_ticket_keys(pair.client.context, keys, count, &error));
    pair_close(&pair);
}

#define NAMES_MAX 16

// Names that end with NUL.
static size_t take_names(char *text, size_t len, const char **names) {
    size_t count = 0;
    for (size_t at = 0; at < len && count < NAMES_MAX; at += strlen(text + at) + 1) {
        names[count++] = text + at;
    }
    return count;
}

static void try_names(input_t *input) {
    char *text = (char *)copy_part((tls_bytes_t) {input->data, input->len}, true);
    const char *names[NAMES_MAX];
    size_t count = take_names(text, input->len, names);
    uint16_t suites[NAMES_MAX];
    for (size_t i = 0; i < count; i++) {
        char name[TLS_CIPHER_NAME_SIZE];
        suites[i] = tls_cipher_suite(names[i], strlen(names[i]));
        assert_true(suites[i] == 0 || tls_cipher_name(suites[i], name) != NULL);
        assert_true(suites[i] == 0 || tls_cipher_suite(name, strlen(name)) == suites[i]);
    }
    setup_t setup = verified_setup();
    pair_t pair;
    if (open_pair(&pair, &setup, input)) {
        tls_error_t error;
        endpoint_t *end = input->flags & FLAG_LENIENT ? &pair.server : &pair.client;
        if (!tls_context_set_ciphers(end->context, suites, count, &error)) {
            check_error(&error, TLS_ERROR_ARGUMENT);
        }
        uint16_t enabled[4];
        (void)tls_context_get_ciphers(end->context, enabled, COUNT(enabled));
        if (!tls_context_set_alpn(end->context, names, count, &error)) {
            check_error(&error, TLS_ERROR_ARGUMENT);
        }
        if (!tls_context_set_groups(end->context, names, count, &error)) {
            check_error(&error, TLS_ERROR_ARGUMENT);
        }
        if (input->flags & FLAG_CONNECT) {
            (void)connect(&pair);
        }
        pair_close(&pair);
    }
    free(text);
}

static void try_suites(input_t *input) {
    uint16_t suites[NAMES_MAX];
    size_t count = 0;
    while (count < NAMES_MAX && input->len > 1) {
        suites[count++] = (uint16_t)take_number(input, 2);
    }
    setup_t setup = verified_setup();
    pair_t pair;
    if (!open_pair(&pair, &setup, input)) {
        return;
    }
    tls_error_t error;
    if (!tls_context_set_ciphers(pair.server.context, suites, count, &error)) {
        check_error(&error, TLS_ERROR_ARGUMENT);
    } else if (input->flags & FLAG_CONNECT) {
        (void)connect(&pair);
    }
    pair_close(&pair);
}

static void try_key_and_identity(input_t *input) {
    tls_bytes_t identity = take_part(input);
    tls_bytes_t hint = take_part(input);
    char *hint_text = (char *)copy_part(hint, true);
    setup_t setup = {.datagram = false};
    pair_t pair;
    if (open_pair(&pair, &setup, input)) {
        tls_error_t error;
        bool ok = tls_context_set_psk(pair.client.context, identity.data, identity.len, input->data, input->len,
            &error);
        if (!ok) {
            check_error(&error, TLS_ERROR_ARGUMENT);
        }
        if (!tls_context_set_psk_server(pair.server.context, true, &error)) {
            check_error(&error, TLS_ERROR_NO_MEMORY);
        }
        if (!tls_context_set_psk_hint(pair.server.context, hint_text, &error)) {
            check_error(&error, TLS_ERROR_ARGUMENT);
        }
        if (ok && input->flags & FLAG_CONNECT) {
            (void)connect(&pair);
        }
        pair_close(&pair);
    }
    free(hint_text);
}

// Whether one of them is the digest of the key in a certificate (P-256, so that it has a fixed length): an input can
// hold it, since libFuzzer sees what is compared and puts that in.
static bool has_pin_of(const char *certificate, const uint8_t *pins, size_t count) {
    enum { SPKI_SIZE = 91 };
    blob_t der = load(certificate, ".der");
    bool found = false;
    for (size_t at = 0; at + SPKI_SIZE <= der.len && !found; at++) {
        uint8_t digest[TLS_PIN_SIZE];
        assert_true(tls_sha256(der.data + at, SPKI_SIZE, digest));
        for (size_t i = 0; i < count && !found; i++) {
            found = memcmp(pins + i * TLS_PIN_SIZE, digest, TLS_PIN_SIZE) == 0;
        }
    }
    return found;
}

static void try_pins(input_t *input) {
    setup_t setup = verified_setup();
    pair_t pair;
    if (!open_pair(&pair, &setup, input)) {
        return;
    }
    tls_error_t error;
    size_t count = input->len / TLS_PIN_SIZE;
    if (tls_context_set_pins(pair.client.context, input->data, count, &error)) {
        size_t there;
        const uint8_t *pins = tls_context_get_pins(pair.client.context, &there);
        assert_int_equal(there, count);
        assert_true(count == 0 || memcmp(pins, input->data, count * TLS_PIN_SIZE) == 0);
        if (input->flags & FLAG_CONNECT) {
            bool connected = connect(&pair);
            assert_true(!connected || count == 0 || has_pin_of("ec", input->data, count)
                || has_pin_of("inter", input->data, count) || has_pin_of("root", input->data, count));
        }
    } else {
        check_error(&error, TLS_ERROR_NO_MEMORY);
    }
    pair_close(&pair);
}

// The name of a server, and a name in a certificate.
static void try_hostname(input_t *input) {
    tls_bytes_t part = take_part(input);
    char *name = (char *)copy_part(part, true);
    uint8_t address[16];
    char normalized[254];
    char text[TLS_IP_TEXT_SIZE];
    size_t octets = tls_parse_ip(name, address);
    if (octets > 0) {
        uint8_t again[16];
        assert_int_equal(tls_parse_ip(tls_format_ip(address, octets, text), again), octets);
        assert_memory_equal(address, again, octets);
    }
    (void)tls_normalize_hostname(name, normalized);
    (void)tls_hostname_matches((tls_bytes_t) {input->data, input->len}, name);

    setup_t setup = verified_setup();
    setup.client.hostname = name;
    pair_t pair;
    tls_error_t error;
    set_version(&setup, version_of(input));
    if (pair_try_open(&pair, &setup, &error)) {
        if (input->flags & FLAG_CONNECT) {
            (void)pair_handshake(&pair);
        }
    } else {
        check_error(&error, TLS_ERROR_ARGUMENT);
    }
    pair_close(&pair);
    free(name);
}

static void try_export(input_t *input) {
    tls_bytes_t label = take_part(input);
    size_t size = take_number(input, 2);
    char *label_copy = (char *)copy_part(label, false);
    setup_t setup = verified_setup();
    pair_t pair;
    if (open_pair(&pair, &setup, input)) {
        endpoint_t *const ends[] = {&pair.client, &pair.server};
        (void)pair_handshake(&pair);
        uint8_t *out[] = {malloc(size + 1), malloc(size + 1)};
        bool ok[2];
        tls_error_t error;
        for (size_t i = 0; i < 2; i++) {
            ok[i] = tls_connection_export(ends[i]->connection, label_copy, label.len,
                input->flags & FLAG_REPAIR ? input->data : NULL, input->flags & FLAG_REPAIR ? input->len : 0, out[i],
                size, &error);
            if (!ok[i]) {
                check_error(&error, TLS_ERROR_ARGUMENT);
            }
        }
        assert_true(!ok[0] || !ok[1] || memcmp(out[0], out[1], size) == 0);
        free(out[0]);
        free(out[1]);
        pair_close(&pair);
    }
    free(label_copy);
}

static void try_numbers(input_t *input) {
    for (unsigned protocol = 0; protocol < 4; protocol++) {
        tls_error_t error;
        tls_context_t *context = tls_context_new(protocol, &error);
        if (context == NULL) {
            check_error(&error, TLS_ERROR_NO_MEMORY);
            continue;
        }
        for (int i = 0; i < 10; i++) {
            int first = (int)take_number(input, 2);
            size_t second = take_number(input, 4);
            bool ok[] = {
                tls_context_set_versions(context, first, (int)second, &error),
                tls_context_set_max_record(context, second, &error),
                tls_context_set_mtu(context, second, &error),
                tls_context_set_verify_flags(context, (unsigned)second, &error),
                tls_context_set_psk_client(context, first & 1, &error),
                tls_context_set_psk_server(context, first & 2, &error),
            };
            assert_true(!ok[1] || tls_context_get_max_record(context) == second);
            assert_true(!ok[2] || tls_context_get_mtu(context) == second);
            tls_context_set_num_tickets(context, (uint16_t)first);
            tls_context_set_session_cache_size(context, second % 100);
            tls_context_set_verify_time(context, (int64_t)second);
            tls_context_set_verify_mode(context, (tls_verify_mode_t)(second % 3));
            assert_int_equal(tls_context_get_verify_mode(context), second % 3);
            assert_int_equal(tls_context_get_num_tickets(context), (uint16_t)first);
            assert_int_equal(tls_context_get_session_cache_size(context), second % 100);
            tls_context_forget_tickets(context);
            error = (tls_error_t) {
                .kind = (tls_error_kind_t)(second % (TLS_ERROR_INTERNAL + 1)),
                .code = -first,
                .alert = first,
                .verify = (uint32_t)second,
            };
            assert_non_null(tls_error_reason(&error));
            (void)tls_error_name(-first);
            char name[TLS_CIPHER_NAME_SIZE];
            (void)tls_cipher_name((uint16_t)first, name);
            (void)tls_alert_name(first);
            (void)tls_verify_reason((uint32_t)second);
            (void)tls_verify_foremost((uint32_t)second);
            tls_connection_free(tls_connection_new(context, &(tls_connection_options_t) {.server_hostname = "a.test"},
                &error));
        }
        tls_context_release(context);
    }
}

static tls_status_t accept_name(tls_host_t *host, const char *name, tls_context_t **context, int *alert) {
    (void)host;
    (void)context;
    assert_true(name == NULL || strlen(name) < 256);
    *alert = 112;
    return TLS_OK;
}

// A server name as a client sends it.
static void try_server_name(input_t *input) {
    tls_host_t host = {.sni = accept_name};
    tls_error_clear(&host.error);
    int alert = 0;
    tls_error_t error;
    tls_context_t *context = tls_context_new(TLS_PROTOCOL_SERVER, &error);
    if (context == NULL) {
        return;
    }
    tls_context_t *chosen = context;
    tls_status_t status = tls_sni_ask(&host, input->data, input->len, &chosen, &alert);
    assert_true(status == TLS_OK || host.error.kind != TLS_ERROR_NONE);
    tls_context_release(context);
}

// ---------------------------------------------------------------------------------------------------------------------

// Inputs in tests/fuzz/corpus begin with these numbers: new ones go to the end.
typedef enum kind {
    KIND_ANCHORS,
    KIND_CERTIFICATE,
    KIND_KEY,
    KIND_READER,
    KIND_BUNDLE,
    KIND_MAKE_BUNDLE,
    KIND_SESSION,
    KIND_TICKET_KEYS,
    KIND_NAMES,
    KIND_SUITES,
    KIND_PSK,
    KIND_PINS,
    KIND_HOSTNAME,
    KIND_EXPORT,
    KIND_NUMBERS,
    KIND_SERVER_NAME,
    KIND_COUNT,
} kind_t;

static void (*const attempts[KIND_COUNT])(input_t *input) = {
    [KIND_ANCHORS] = try_anchors,
    [KIND_CERTIFICATE] = try_certificate,
    [KIND_KEY] = try_key,
    [KIND_READER] = try_reader,
    [KIND_BUNDLE] = try_bundle,
    [KIND_MAKE_BUNDLE] = try_make_bundle,
    [KIND_SESSION] = try_session,
    [KIND_TICKET_KEYS] = try_ticket_keys,
    [KIND_NAMES] = try_names,
    [KIND_SUITES] = try_suites,
    [KIND_PSK] = try_key_and_identity,
    [KIND_PINS] = try_pins,
    [KIND_HOSTNAME] = try_hostname,
    [KIND_EXPORT] = try_export,
    [KIND_NUMBERS] = try_numbers,
    [KIND_SERVER_NAME] = try_server_name,
};

// ---------------------------------------------------------------------------------------------------------------------
// Seeds

static FILE *begin_seed(const char *dir, const char *name, kind_t kind, uint8_t flags) {
    char path[512];
    snprintf(path, sizeof(path), "%s/%02d-%s-%u", dir, kind, name, (unsigned)flags);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fwrite((const uint8_t[HEADER_SIZE]) {(uint8_t)kind, flags}, 1, HEADER_SIZE, file);
    return file;
}

static void put_part(FILE *file, blob_t part) {
    fputc((int)(part.len >> 8), file);
    fputc((int)(part.len & 0xff), file);
    fwrite(part.data, 1, part.len, file);
}

static void write_file_seeds(const char *dir) {
    static const char *const anchors[][2] = {{"root", ".pem"}, {"roots", ".der"}, {"ec-chain", ".pem"},
        {"crls", ".pem"}, {"inter-crl-old", ".pem"}, {"root-rsa", ".der"}, {"p384", ".pem"}};
    for (size_t i = 0; i < COUNT(anchors); i++) {
        for (uint8_t flags = 0; flags < 2 * FLAG_OLD; flags += FLAG_CONNECT) {
            blob_t blob = load(anchors[i][0], anchors[i][1]);
            FILE *file = begin_seed(dir, anchors[i][0], KIND_ANCHORS, flags);
            fwrite(blob.data, 1, blob.len, file);
            fclose(file);
        }
    }
    // Lists mean something beside their issuer only.
    FILE *all = begin_seed(dir, "lists", KIND_ANCHORS, FLAG_CONNECT | FLAG_LISTS);
    fwrite(load("root", ".pem").data, 1, load("root", ".pem").len, all);
    fwrite(load("crls", ".pem").data, 1, load("crls", ".pem").len, all);
    fclose(all);

    static const char *const keys[][2] = {{"ec", ".sec1.pem"}, {"ec", ".sec1.der"}, {"ec", ".pkcs8.pem"},
        {"ec", ".pkcs8.der"}, {"rsa", ".pkcs1.der"}, {"rsa", ".pkcs8.pem"}, {"ec", ".encrypted.pem"},
        {"ec", ".encrypted.der"}, {"p384", ".key"}};
    for (size_t i = 0; i < COUNT(keys); i++) {
        blob_t key = load(keys[i][0], keys[i][1]);
        FILE *file = begin_seed(dir, keys[i][1] + 1, KIND_KEY, (uint8_t)i);
        fwrite(key.data, 1, key.len, file);
        fclose(file);
        file = begin_seed(dir, keys[i][1] + 1, KIND_CERTIFICATE, FLAG_CONNECT | (i & 1 ? 0 : FLAG_OLD));
        put_part(file, load(keys[i][0], i & 1 ? "-chain.pem" : ".der"));
        fwrite(key.data, 1, key.len, file);
        fclose(file);
    }

    static const char *const certificates[] = {"ec", "root", "rsa", "san-other", "ip-only", "cn-only"};
    for (size_t i = 0; i < COUNT(certificates); i++) {
        blob_t der = load(certificates[i], ".der");
        FILE *file = begin_seed(dir, certificates[i], KIND_READER, 0);
        put_part(file, der);
        // permitted: DNS test; excluded: 10.0.0.0/8
        static const uint8_t constraints[] = "\x30\x1a\xa0\x08\x30\x06\x82\x04test"
                                             "\xa1\x0e\x30\x0c\x87\x08\x0a\0\0\0\xff\0\0";
        fwrite(constraints, 1, sizeof(constraints) - 1, file);
        fclose(file);
        file = begin_seed(dir, certificates[i], KIND_MAKE_BUNDLE, 0);
        put_part(file, der);
        put_part(file, load("other-root", ".der"));
        fclose(file);
    }

    for (uint8_t flags = FLAG_REPAIR; flags < 8; flags++) {
        blob_t roots = load("roots", ".bundle");
        FILE *file = begin_seed(dir, "roots", KIND_BUNDLE, flags);
        if (flags & FLAG_READ) {
            fputc(20, file);
        }
        fwrite(roots.data, 1, roots.len, file);
        fclose(file);
    }
}

static void write_session_seed(const char *dir, uint8_t flags) {
    setup_t setup = verified_setup();
    pair_t pair;
    input_t input = {.flags = flags};
    assert_true(open_pair(&pair, &setup, &input));
    assert_true(pair_handshake(&pair));
    pair_chat(&pair);
    tls_error_t error;
    tls_session_t *session = tls_connection_session(pair.client.connection, &error);
    assert_non_null(session);
    uint8_t bytes[4000];
    size_t len = tls_session_serialize(session, bytes, sizeof(bytes));
    assert_true(len <= sizeof(bytes));
    size_t start = SESSION_MARK_SIZE + TLS_DIGEST_SIZE + 1 + strlen(tls_engine_version());
    FILE *file = begin_seed(dir, "session", KIND_SESSION, flags);
    fwrite(bytes + start, 1, len - start, file);
    fclose(file);
    file = begin_seed(dir, "whole", KIND_SESSION, flags & ~FLAG_REPAIR);
    fwrite(bytes, 1, len, file);
    fclose(file);
    tls_session_release(session);
    pair_close(&pair);
}

static void write_text_seed(const char *dir, const char *name, kind_t kind, uint8_t flags, const void *text,
    size_t len) {
    FILE *file = begin_seed(dir, name, kind, flags);
    fwrite(text, 1, len, file);
    fclose(file);
}

#define WRITE_TEXT(name, kind, flags, text) write_text_seed(dir, name, kind, flags, text, sizeof(text) - 1)

void write_seeds(const char *dir) {
    write_file_seeds(dir);
    write_session_seed(dir, FLAG_REPAIR | FLAG_CONNECT);
    write_session_seed(dir, FLAG_REPAIR | FLAG_CONNECT | FLAG_OLD);
    uint8_t keys[2 + TLS_TICKET_KEY_SHORT + 2 + TLS_TICKET_KEY_LONG] = {0, TLS_TICKET_KEY_SHORT};
    keys[2 + TLS_TICKET_KEY_SHORT + 1] = TLS_TICKET_KEY_LONG;
    for (uint8_t old = 0; old <= FLAG_OLD; old += FLAG_OLD) {
        uint8_t flags = FLAG_CONNECT | old;
        write_text_seed(dir, "keys", KIND_TICKET_KEYS, flags, keys, sizeof(keys));
        WRITE_TEXT("suites", KIND_NAMES, flags,
            "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256\0TLS_AES_128_GCM_SHA256\0TLS1-3-AES-256-GCM-SHA384");
        WRITE_TEXT("groups", KIND_NAMES, flags | FLAG_LENIENT, "secp256r1\0X25519\0P-384");
        WRITE_TEXT("numbers", KIND_SUITES, flags, "\x13\x01\xc0\x2b\xc0\x2c\xcc\xa9");
        WRITE_TEXT("key", KIND_PSK, flags, "\0\x09gateway-7\0\x04hint0123456789abcdef");
        WRITE_TEXT("pin", KIND_PINS, flags, "0123456789abcdef0123456789abcdef");
        WRITE_TEXT("none", KIND_PINS, flags, "");
        WRITE_TEXT("host", KIND_HOSTNAME, flags, "\0\x0bserver.test*.test");
        WRITE_TEXT("address", KIND_HOSTNAME, flags, "\0\x09::1234:5:*.test");
        WRITE_TEXT("address4", KIND_HOSTNAME, flags, "\0\x09"
                                                     "127.0.0.1*.test");
        WRITE_TEXT("label", KIND_EXPORT, flags | FLAG_REPAIR, "\0\x0c"
                                                              "EXPERIMENTAL\0\x20"
                                                              "context");
    }
    WRITE_TEXT("empty", KIND_NAMES, 0, "");
    WRITE_TEXT("empty", KIND_SUITES, 0, "");
    WRITE_TEXT("numbers", KIND_NUMBERS, 0, "\3\3\0\0\3\4\0\1\0\0\2\0\0\1\0\0\5\x78\0\1\0\0\0\x0c");
    WRITE_TEXT("name", KIND_SERVER_NAME, 0, "server.test");
}

// ---------------------------------------------------------------------------------------------------------------------
// libFuzzer

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < HEADER_SIZE || data[0] >= KIND_COUNT) {
        return -1;
    }
    input_t input = {data + HEADER_SIZE, len - HEADER_SIZE, data[1]};
    reset_clock();
    random_start(2);
    tls_memory_fail_after(4l * data[2] - 1);
    attempts[data[0]](&input);
    tls_memory_fail_after(-1);
    return 0;
}
