// Tickets of a server. The library seals them, under a key that is derived for each: from a key of the context, from
// what clients have to prove (so that a ticket is worth nothing where that is different), and from the hour, where the
// key does not change by itself: where the library has no clock it puts no time into tickets.

#include "internal.h"

#include <string.h>

void tls_context_set_num_tickets(tls_context_t *context, uint16_t count) {
    context->num_tickets = count;
}

uint16_t tls_context_get_num_tickets(const tls_context_t *context) {
    return context->num_tickets;
}

void tls_context_forget_tickets(tls_context_t *context) {
    context->generation++;
}

#if COMPAT_TICKETS

#include "mbedtls/ssl_ticket.h"

#define NAME_SIZE   MBEDTLS_SSL_TICKET_KEY_NAME_BYTES
#define SECRET_SIZE 32 // MBEDTLS_SSL_TICKET_MAX_KEY_BYTES
#define PERIODS     2  // in which a ticket is good: that of its making and the next

typedef struct derived {
    uint8_t name[TLS_DIGEST_SIZE];
    uint8_t secret[TLS_DIGEST_SIZE];
} derived_t;

// What goes into a derived key: what it is for, the hour, the name of the ticket key, the rules.
#define PURPOSE_AT 0
#define PERIOD_AT  1
#define NAME_AT    5
#define RULES_AT   (NAME_AT + TLS_TICKET_NAME_SIZE)
#define INPUT_SIZE (RULES_AT + TLS_DIGEST_SIZE)

// HMAC as a pseudorandom function, keyed with all secret bytes of the ticket key. A result of the library.
static int derive(const tls_connection_t *connection, const tls_ticket_key_t *key, int64_t period, derived_t *derived) {
    const mbedtls_md_info_t *sha256 = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    uint8_t input[INPUT_SIZE];
    for (int i = 0; i < 4; i++) {
        input[PERIOD_AT + i] = (uint8_t)(period >> (8 * i));
    }
    memcpy(input + NAME_AT, key->bytes, TLS_TICKET_NAME_SIZE);
    memcpy(input + RULES_AT, connection->binding, TLS_DIGEST_SIZE);
    const uint8_t *secret = key->bytes + TLS_TICKET_NAME_SIZE;
    size_t secret_len = key->size - TLS_TICKET_NAME_SIZE;
    input[PURPOSE_AT] = 'n';
    int ret = mbedtls_md_hmac(sha256, secret, secret_len, input, sizeof(input), derived->name);
    if (ret == 0) {
        input[PURPOSE_AT] = 'k';
        ret = mbedtls_md_hmac(sha256, secret, secret_len, input, sizeof(input), derived->secret);
    }
    return ret;
}

// The library's own keeper of ticket keys, for one ticket. To be freed whatever the result.
static int start_sealer(mbedtls_ssl_ticket_context *sealer, const derived_t *derived) {
    int ret = mbedtls_ssl_ticket_setup(sealer, compat_random, NULL, COMPAT_TICKET_CIPHER, TLS_TICKET_LIFETIME);
    if (ret != 0) {
        return ret;
    }
    return mbedtls_ssl_ticket_rotate(sealer, derived->name, NAME_SIZE, derived->secret, SECRET_SIZE,
        TLS_TICKET_LIFETIME);
}

// Own keys change by themselves.
static int64_t period_of(const tls_connection_t *connection, int64_t now) {
    return connection->context->ticket_keys->given && now >= 0 ? now / TLS_TICKET_PERIOD : 0;
}

static int write_ticket(void *arg, const mbedtls_ssl_session *session, unsigned char *start, const unsigned char *end,
    size_t *len, uint32_t *lifetime) {
    tls_connection_t *connection = arg;
    int64_t now = connection_now(connection);
    tls_ticket_key_t key;
    derived_t derived;
    *len = 0;
    *lifetime = TLS_TICKET_LIFETIME;
    if (!tls_ticket_keys_get(connection->context->ticket_keys, now, 0, &key)) {
        return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    }
    mbedtls_ssl_ticket_context sealer;
    mbedtls_ssl_ticket_init(&sealer);
    int ret = derive(connection, &key, period_of(connection, now), &derived);
    if (ret == 0) {
        ret = start_sealer(&sealer, &derived);
    }
    if (ret == 0) {
        mbedtls_ssl_session dated = *session; // its parts are still the other's
        compat_session_set_birth(&dated, now);
        ret = mbedtls_ssl_ticket_write(&sealer, &dated, start, end, len, lifetime);
        mbedtls_platform_zeroize(&dated, sizeof(dated));
    }
    mbedtls_ssl_ticket_free(&sealer);
    mbedtls_platform_zeroize(&derived, sizeof(derived));
    mbedtls_platform_zeroize(&key, sizeof(key));
    return ret;
}

// Opens the ticket if it was sealed under a key that is derived from this one.
static int try_key(tls_connection_t *connection, const tls_ticket_key_t *key, int64_t period,
    mbedtls_ssl_session *session, unsigned char *ticket, size_t len) {
    derived_t derived;
    mbedtls_ssl_ticket_context sealer;
    mbedtls_ssl_ticket_init(&sealer);
    int ret = derive(connection, key, period, &derived);
    if (ret == 0 && memcmp(derived.name, ticket, NAME_SIZE) != 0) {
        ret = MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
    } else if (ret == 0) {
        ret = start_sealer(&sealer, &derived);
        ret = ret != 0 ? ret : mbedtls_ssl_ticket_parse(&sealer, session, ticket, len);
        ret = compat_session_judge_age(session, ret, connection_now(connection), TLS_TICKET_LIFETIME);
    }
    mbedtls_ssl_ticket_free(&sealer);
    mbedtls_platform_zeroize(&derived, sizeof(derived));
    return ret;
}

static int parse_ticket(void *arg, mbedtls_ssl_session *session, unsigned char *ticket, size_t len) {
    tls_connection_t *connection = arg;
    tls_ticket_keys_t *keys = connection->context->ticket_keys;
    int64_t now = connection_now(connection);
    int64_t period = period_of(connection, now);
    int ret = MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
    connection->ticket_offered = true;
    tls_ticket_key_t key = {.size = 0};
    bool known = len >= NAME_SIZE;
    for (size_t i = 0; known && ret == MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED; i++) {
        known = tls_ticket_keys_get(keys, now, i, &key);
        int64_t last = keys->given ? period - PERIODS : period - 1;
        for (int64_t p = period; known && p > last && ret == MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED; p--) {
            ret = try_key(connection, &key, p, session, ticket, len);
        }
    }
    mbedtls_platform_zeroize(&key, sizeof(key));
    if (ret != 0) {
        tls_session_count(&connection->context->sessions, misses);
    }
    return ret;
}

// Mbed TLS 3.6 keeps no certificate in the tickets of TLS 1.3, so a client that has to show one does so every time.
static uint16_t tickets_to_give(const tls_connection_t *connection) {
    bool asks = connection->verify_mode != TLS_VERIFY_MODE_NONE || tls_rules_have_pins(&connection->rules);
    return asks ? 0 : connection->context->num_tickets;
}

void apply_tickets(tls_connection_t *connection) {
    mbedtls_ssl_conf_session_tickets_cb(&connection->config, write_ticket, parse_ticket, connection);
    compat_give_tickets(&connection->config, tickets_to_give(connection));
}

#else

void apply_tickets(tls_connection_t *connection) {
    (void)connection;
}

#endif

#if MICROPY_PY_SSL_TICKET_KEYS

bool tls_context_set_ticket_keys(tls_context_t *context, const tls_bytes_t *keys, size_t count, tls_error_t *error) {
    tls_error_clear(error);
    if (!context_is_server(context)) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_CONFIG, "this is for a server");
        return false;
    }
    if (!COMPAT_TICKETS) {
        tls_error_set(error, TLS_ERROR_UNSUPPORTED, TLS_CODE_FEATURE_UNAVAILABLE, "this build has no session tickets");
        return false;
    }
    if (!tls_ticket_keys_check(keys, count, error)) {
        return false;
    }
    tls_ticket_keys_t *made = tls_ticket_keys_new(keys, count);
    if (made == NULL) {
        describe_no_memory(error);
        return false;
    }
    tls_ticket_keys_free(context->ticket_keys);
    context->ticket_keys = made;
    return true;
}

#endif
