// Sessions: what was agreed on, under which terms, and how that is kept outside of the program.

#include "engine/session.h"

#include "engine/memory.h"
#include "ssl_config.h"

#include <string.h>

#define TLS_LIFETIME_MAX 604800 // seven days: RFC 8446 section 4.6.1
#define FORMAT           1

struct tls_session {
    unsigned references;
    tls_session_facts_t facts;
    size_t name_len; // with its final NUL; 0: there is no name
    size_t payload_len;
    void *object; // NULL: there is none
    const tls_session_object_ops_t *object_ops;
    uint8_t bytes[]; // the name, then the library's bytes
};

// ---------------------------------------------------------------------------------------------------------------------
// Life

tls_session_t *tls_session_new(const tls_session_facts_t *facts, size_t payload_len) {
    const char *hostname = facts->terms.hostname;
    size_t name_len = hostname == NULL ? 0 : strlen(hostname) + 1;
    tls_session_t *session = tls_calloc_apart(sizeof(*session) + name_len + payload_len);
    if (session == NULL) {
        return NULL;
    }
    session->references = 1;
    session->facts = *facts;
    session->name_len = name_len;
    session->payload_len = payload_len;
    if (name_len > 0) {
        memcpy(session->bytes, hostname, name_len);
        session->facts.terms.hostname = (const char *)session->bytes;
    }
    return session;
}

// As with contexts: where memory is MicroPython's heap, one thread at a time is here.
#if MICROPY_PY_SSL_GC_HEAP

tls_session_t *tls_session_retain(tls_session_t *session) {
    session->references++;
    return session;
}

static bool is_last_reference(tls_session_t *session) {
    return --session->references == 0;
}

#else

tls_session_t *tls_session_retain(tls_session_t *session) {
    __atomic_add_fetch(&session->references, 1, __ATOMIC_RELAXED);
    return session;
}

static bool is_last_reference(tls_session_t *session) {
    return __atomic_sub_fetch(&session->references, 1, __ATOMIC_ACQ_REL) == 0;
}

#endif

void tls_session_release(tls_session_t *session) {
    if (session != NULL && is_last_reference(session)) {
        if (session->object != NULL) {
            session->object_ops->release(session->object);
        }
        tls_wipe_memory(session, sizeof(*session) + session->name_len + session->payload_len);
        tls_free_apart(session);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Questions

uint8_t *tls_session_payload(tls_session_t *session, size_t *len) {
    *len = session->payload_len;
    return session->bytes + session->name_len;
}

void tls_session_set_object(tls_session_t *session, void *object, const tls_session_object_ops_t *ops) {
    session->object = object;
    session->object_ops = ops;
}

void *tls_session_object(const tls_session_t *session) {
    return session->object;
}

const tls_session_facts_t *tls_session_facts(const tls_session_t *session) {
    return &session->facts;
}

const uint8_t *tls_session_id(const tls_session_t *session, size_t *len) {
    *len = session->facts.id_len;
    return session->facts.id;
}

int64_t tls_session_time(const tls_session_t *session) {
    return session->facts.time;
}

uint32_t tls_session_timeout(const tls_session_t *session) {
    return session->facts.timeout;
}

uint32_t tls_session_lifetime_hint(const tls_session_t *session) {
    return session->facts.lifetime_hint;
}

bool tls_session_has_ticket(const tls_session_t *session) {
    return session->facts.has_ticket;
}

uint32_t tls_session_choose_timeout(uint32_t lifetime_hint) {
    if (lifetime_hint == 0) {
        return TLS_TICKET_LIFETIME;
    }
    return lifetime_hint < TLS_LIFETIME_MAX ? lifetime_hint : TLS_LIFETIME_MAX;
}

static bool is_same_name(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_same_judgement(const tls_session_terms_t *made, const tls_session_terms_t *wanted) {
    return made->datagram == wanted->datagram && made->verify_mode == wanted->verify_mode
        && made->skip_hostname_check == wanted->skip_hostname_check && (made->hook_asked || !wanted->hook_asked)
        && memcmp(made->trust, wanted->trust, sizeof(made->trust)) == 0
        && is_same_name(made->hostname, wanted->hostname);
}

// A ticket from a resumed connection is as good as the first, so the proof behind it has an age of its own (RFC 8446
// section 4.6.1, last paragraph). Without a clock the server alone decides.
static bool is_fresh(const tls_session_facts_t *facts, int64_t now) {
    if (now < 0 || facts->time < 0) {
        return true;
    }
    return now >= facts->time && now - facts->time < facts->timeout && now - facts->proof_time < TLS_LIFETIME_MAX;
}

bool tls_session_is_fresh(const tls_session_t *session, int64_t now) {
    return is_fresh(&session->facts, now);
}

bool tls_session_suits(const tls_session_t *session, const tls_session_terms_t *terms, int64_t now) {
    const tls_session_facts_t *facts = &session->facts;
    bool verified = facts->terms.verify_mode != TLS_VERIFY_MODE_NONE && facts->verify_result == 0;
    return is_same_judgement(&facts->terms, terms) && is_fresh(facts, now)
        && (verified || terms->verify_mode != TLS_VERIFY_MODE_REQUIRED);
}

bool tls_trust_extend(uint8_t trust[TLS_DIGEST_SIZE], const uint8_t *data, size_t len) {
    uint8_t chained[2 * TLS_DIGEST_SIZE];
    memcpy(chained, trust, TLS_DIGEST_SIZE);
    return tls_sha256(data, len, chained + TLS_DIGEST_SIZE) && tls_sha256(chained, sizeof(chained), trust);
}

bool tls_session_binding(const tls_session_terms_t *terms, uint32_t generation, uint8_t digest[TLS_DIGEST_SIZE]) {
    uint8_t rules[7 + TLS_DIGEST_SIZE] = {terms->datagram, (uint8_t)terms->verify_mode, terms->hook_asked,
        (uint8_t)(generation >> 24), (uint8_t)(generation >> 16), (uint8_t)(generation >> 8), (uint8_t)generation};
    memcpy(rules + 7, terms->trust, TLS_DIGEST_SIZE);
    return tls_sha256(rules, sizeof(rules), digest);
}

// ---------------------------------------------------------------------------------------------------------------------
// Bytes to keep: a mark, the SHA-256 of all that follows, the engine and its version, the facts, the name, the
// library's bytes. Numbers are big-endian.

static const uint8_t mark[8] = {'m', 'p', '-', 't', 'l', 's', 0, FORMAT};

enum { FLAG_DATAGRAM = 1,
    FLAG_SKIP_HOSTNAME_CHECK = 2,
    FLAG_HOOK_ASKED = 4,
    FLAG_HAS_TICKET = 8 };

// Writes, or only counts while `data` is NULL.
typedef struct writer {
    uint8_t *data;
    size_t len;
    bool failed; // out of memory
} writer_t;

static void put_bytes(writer_t *writer, const void *bytes, size_t len) {
    if (writer->data != NULL && len > 0) {
        memcpy(writer->data + writer->len, bytes, len);
    }
    writer->len += len;
}

static void put_number(writer_t *writer, uint64_t number, size_t size) {
    for (size_t i = size; i > 0; i--) {
        uint8_t byte = (uint8_t)(number >> (8 * (i - 1)));
        put_bytes(writer, &byte, 1);
    }
}

static void put_sized(writer_t *writer, const void *bytes, size_t len, size_t size) {
    put_number(writer, len, size);
    put_bytes(writer, bytes, len);
}

static unsigned flags_of(const tls_session_facts_t *facts) {
    unsigned flags = facts->terms.datagram ? FLAG_DATAGRAM : 0;
    flags |= facts->terms.skip_hostname_check ? FLAG_SKIP_HOSTNAME_CHECK : 0;
    flags |= facts->terms.hook_asked ? FLAG_HOOK_ASKED : 0;
    flags |= facts->has_ticket ? FLAG_HAS_TICKET : 0;
    return flags;
}

static void put_payload(writer_t *writer, const tls_session_t *session) {
    if (session->object == NULL) {
        put_sized(writer, session->bytes + session->name_len, session->payload_len, 4);
        return;
    }
    size_t size = session->object_ops->write(session->object, NULL);
    put_number(writer, size, 4);
    uint8_t *out = writer->data != NULL ? writer->data + writer->len : NULL;
    writer->failed = size == 0 || session->object_ops->write(session->object, out) != size;
    writer->len += size;
}

static void put_session(writer_t *writer, const tls_session_t *session) {
    const tls_session_facts_t *facts = &session->facts;
    const tls_session_terms_t *terms = &facts->terms;
    const char *version = tls_engine_version();
    put_sized(writer, version, strlen(version), 1);
    put_number(writer, flags_of(facts), 1);
    put_number(writer, terms->verify_mode, 1);
    put_bytes(writer, terms->trust, sizeof(terms->trust));
    put_number(writer, facts->verify_result, 4);
    put_number(writer, (uint64_t)facts->time, 8);
    put_number(writer, (uint64_t)facts->proof_time, 8);
    put_number(writer, facts->lifetime_hint, 4);
    put_number(writer, facts->timeout, 4);
    put_sized(writer, facts->id, facts->id_len, 1);
    put_sized(writer, session->bytes, session->name_len, 2);
    put_payload(writer, session);
}

size_t tls_session_serialize(const tls_session_t *session, uint8_t *buf, size_t size) {
    const size_t start = sizeof(mark) + TLS_DIGEST_SIZE;
    writer_t writer = {.data = NULL};
    put_session(&writer, session);
    size_t len = start + writer.len;
    if (writer.failed || len > size) {
        return writer.failed ? 0 : len;
    }
    writer = (writer_t) {.data = buf + start};
    put_session(&writer, session);
    memcpy(buf, mark, sizeof(mark));
    return !writer.failed && tls_sha256(buf + start, writer.len, buf + sizeof(mark)) ? len : 0;
}

// Reads; once there is less than was asked for, nothing more is there.
typedef struct reader {
    const uint8_t *data;
    size_t len;
    bool failed;
} reader_t;

static const uint8_t *take_bytes(reader_t *reader, size_t len) {
    if (reader->failed || len > reader->len) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *bytes = reader->data;
    reader->data += len;
    reader->len -= len;
    return bytes;
}

static uint64_t take_number(reader_t *reader, size_t size) {
    const uint8_t *bytes = take_bytes(reader, size);
    uint64_t number = 0;
    for (size_t i = 0; i < size && bytes != NULL; i++) {
        number = number << 8 | bytes[i];
    }
    return number;
}

static const uint8_t *take_sized(reader_t *reader, size_t size, size_t *len) {
    *len = (size_t)take_number(reader, size);
    return take_bytes(reader, *len);
}

static void take_copy(reader_t *reader, uint8_t *out, size_t len) {
    const uint8_t *bytes = take_bytes(reader, len);
    if (bytes != NULL) {
        memcpy(out, bytes, len);
    }
}

static void take_facts(reader_t *reader, tls_session_facts_t *facts) {
    unsigned flags = (unsigned)take_number(reader, 1);
    facts->terms.datagram = flags & FLAG_DATAGRAM;
    facts->terms.skip_hostname_check = flags & FLAG_SKIP_HOSTNAME_CHECK;
    facts->terms.hook_asked = flags & FLAG_HOOK_ASKED;
    facts->has_ticket = flags & FLAG_HAS_TICKET;
    facts->terms.verify_mode = (tls_verify_mode_t)take_number(reader, 1);
    take_copy(reader, facts->terms.trust, sizeof(facts->terms.trust));
    facts->verify_result = (uint32_t)take_number(reader, 4);
    facts->time = (int64_t)take_number(reader, 8);
    facts->proof_time = (int64_t)take_number(reader, 8);
    facts->lifetime_hint = (uint32_t)take_number(reader, 4);
    facts->timeout = (uint32_t)take_number(reader, 4);
    facts->id_len = (uint8_t)take_number(reader, 1);
    if (facts->id_len > sizeof(facts->id)) {
        reader->failed = true;
    }
    take_copy(reader, facts->id, facts->id_len);
}

static tls_session_t *refuse(tls_error_t *error, const char *detail) {
    tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA, "%s", detail);
    return NULL;
}

static tls_session_t *no_memory(tls_error_t *error) {
    tls_error_set(error, TLS_ERROR_NO_MEMORY, TLS_CODE_ALLOC_FAILED, NULL);
    error->size = tls_memory_failed_size();
    return NULL;
}

// Of data that is as it was written.
static tls_session_t *take_session(reader_t *reader, tls_error_t *error) {
    tls_session_facts_t facts = {.has_ticket = false};
    size_t name_len;
    size_t payload_len;
    take_facts(reader, &facts);
    const char *name = (const char *)take_sized(reader, 2, &name_len);
    const uint8_t *payload = take_sized(reader, 4, &payload_len);
    if (reader->failed || reader->len > 0 || (name_len > 0 && memchr(name, '\0', name_len) != name + name_len - 1)) {
        return refuse(error, "this is not a session");
    }
    facts.terms.hostname = name_len > 0 ? name : NULL;
    tls_session_t *session = tls_session_new(&facts, payload_len);
    if (session == NULL) {
        return no_memory(error);
    }
    memcpy(session->bytes + session->name_len, payload, payload_len);
    return session;
}

tls_session_t *tls_session_deserialize(const uint8_t *data, size_t len, tls_error_t *error) {
    tls_error_clear(error);
    reader_t reader = {.data = data, .len = len};
    const uint8_t *start = take_bytes(&reader, sizeof(mark));
    const uint8_t *digest = take_bytes(&reader, TLS_DIGEST_SIZE);
    if (reader.failed || memcmp(start, mark, sizeof(mark)) != 0) {
        return refuse(error, "this is not a session");
    }
    uint8_t expected[TLS_DIGEST_SIZE];
    if (!tls_sha256(reader.data, reader.len, expected)) {
        return no_memory(error);
    }
    if (memcmp(digest, expected, sizeof(expected)) != 0) {
        return refuse(error, "the session has been damaged");
    }
    const char *version = tls_engine_version();
    size_t version_len;
    const uint8_t *made_by = take_sized(&reader, 1, &version_len);
    if (made_by == NULL || version_len != strlen(version) || memcmp(made_by, version, version_len) != 0) {
        return refuse(error, "the session was made by another TLS library, or another version of it");
    }
    return take_session(&reader, error);
}
