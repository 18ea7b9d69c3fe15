// Sentences for people about certificates, alerts and versions.

#include "engine/verify_detail.h"

#include <stdio.h>
#include <string.h>

// A clock that shows a time before this project existed was never set: most boards start at 1970 or 2000.
#define EARLIEST_PLAUSIBLE_NOW INT64_C(1577836800) // 2020-01-01

#define SECONDS_PER_DAY 86400

#define DATE_SIZE 32

// Days since 1970-01-01. Years are counted from March, so that the leap day is the last day of a year.
static int64_t days_from_civil(int64_t year, int month, int day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

int64_t tls_unix_time(int year, int month, int day, int hour, int minute, int second) {
    return ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
}

static const char *format_date(int64_t time, char date[DATE_SIZE]) {
    int64_t days = time / SECONDS_PER_DAY - (time % SECONDS_PER_DAY < 0);
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    int month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    int64_t year = year_of_era + era * 400 + (month <= 2);
    snprintf(date, DATE_SIZE, "%04ld-%02d-%02d", (long)year, month, day);
    return date;
}

static bool has_detail(const tls_error_t *error) {
    return error->detail[0] != '\0';
}

static const char *whose(bool peer_is_server, unsigned depth) {
    if (depth > 0) {
        return "an issuer's";
    }
    return peer_is_server ? "server's" : "client's";
}

// The clock of a device hardly shows the very second of the firmware's date: if that is now, it was taken for now.
static bool is_time_of_firmware(int64_t now) {
    return MICROPY_PY_SSL_EARLIEST_TIME > 0 && now == MICROPY_PY_SSL_EARLIEST_TIME;
}

static const char *whose_time(bool chosen, int64_t now) {
    if (chosen) {
        return "verify_time is";
    }
    if (is_time_of_firmware(now)) {
        return "the clock was not set, taken was the firmware's date";
    }
    return "this device's clock says";
}

void tls_detail_expired(tls_error_t *error, bool peer_is_server, unsigned depth, int64_t not_after, int64_t now,
    bool chosen) {
    if (has_detail(error)) {
        return;
    }
    char expiry[DATE_SIZE];
    char today[DATE_SIZE];
    snprintf(error->detail, sizeof(error->detail), "%s certificate expired on %s; %s %s",
        whose(peer_is_server, depth), format_date(not_after, expiry), whose_time(chosen, now),
        format_date(now, today));
}

void tls_detail_not_yet_valid(tls_error_t *error, bool peer_is_server, unsigned depth, int64_t not_before, int64_t now,
    bool chosen) {
    if (has_detail(error)) {
        return;
    }
    char start[DATE_SIZE];
    char today[DATE_SIZE];
    format_date(not_before, start);
    if (now < 0) {
        snprintf(error->detail, sizeof(error->detail),
            "%s certificate is valid from %s; this device has no clock to compare with",
            whose(peer_is_server, depth), start);
    } else if (now < EARLIEST_PLAUSIBLE_NOW && !chosen) {
        snprintf(error->detail, sizeof(error->detail),
            "clock says %s: it was never set; %s certificate is valid from %s", format_date(now, today),
            whose(peer_is_server, depth), start);
    } else {
        snprintf(error->detail, sizeof(error->detail),
            "%s certificate is not valid before %s; %s %s", whose(peer_is_server, depth), start,
            whose_time(chosen, now), format_date(now, today));
    }
}

void tls_detail_hostname(tls_error_t *error, const char *names, const char *asked) {
    if (has_detail(error)) {
        return;
    }
    if (names[0] == '\0') {
        snprintf(error->detail, sizeof(error->detail), "certificate is for no host name; asked for %.100s", asked);
        return;
    }
    // Both names must stay readable in the space there is.
    const char *more = strlen(names) > 70 ? "..." : "";
    snprintf(error->detail, sizeof(error->detail), "certificate is for %.70s%s; asked for %.80s", names, more, asked);
}

void tls_detail_untrusted(tls_error_t *error, bool peer_is_server, const char *issuer, bool self_signed,
    size_t anchors, bool damaged) {
    if (has_detail(error)) {
        return;
    }
    if (damaged) {
        snprintf(error->detail, sizeof(error->detail),
            "%s certificate leads to the issuer \"%.90s\", whose certificate in the CA bundle is damaged",
            whose(peer_is_server, 0), issuer);
    } else if (anchors == 0) {
        snprintf(error->detail, sizeof(error->detail),
            "%s certificate cannot be verified: no trust anchors were loaded (cadata)", whose(peer_is_server, 0));
    } else if (self_signed) {
        snprintf(error->detail, sizeof(error->detail),
            "%s certificate is self-signed and not among the trust anchors", whose(peer_is_server, 0));
    } else if (issuer[0] == '\0') {
        snprintf(error->detail, sizeof(error->detail), "%s certificate is not issued by a trust anchor",
            whose(peer_is_server, 0));
    } else {
        snprintf(error->detail, sizeof(error->detail),
            "%s certificate leads to the issuer \"%.100s\", which is not a trust anchor", whose(peer_is_server, 0),
            issuer);
    }
}

void tls_detail_pin(tls_error_t *error, bool peer_is_server, const uint8_t digest[TLS_PIN_SIZE]) {
    if (has_detail(error)) {
        return;
    }
    char key[2 * TLS_PIN_SIZE + 1] = "?";
    for (size_t i = 0; i < TLS_PIN_SIZE && digest != NULL; i++) {
        snprintf(key + 2 * i, 3, "%02x", digest[i]);
    }
    snprintf(error->detail, sizeof(error->detail),
        "%s certificate has the key %s, and neither it nor an issuer's is pinned", whose(peer_is_server, 0), key);
}

static const char *verify_sentence(uint32_t bits) {
    if (bits & TLS_VERIFY_CALLBACK) {
        return "verify_callback rejected the certificate";
    }
    if (bits & TLS_VERIFY_MISSING) {
        return "peer sent no certificate";
    }
    if (bits & TLS_VERIFY_PIN) {
        return "no key of the certificate chain is pinned";
    }
    if (bits & TLS_VERIFY_REVOKED) {
        return "certificate has been revoked by its issuer";
    }
    if (bits & TLS_VERIFY_USAGE) {
        return "certificate is not meant for this use (basicConstraints, key usages or name constraints)";
    }
    if (bits & TLS_VERIFY_WEAK) {
        return "certificate uses a hash, key size or curve that is too weak";
    }
    if (bits & TLS_VERIFY_CRL) {
        return "revocation list of an issuer is missing, expired or not trusted";
    }
    return "certificate was refused";
}

void tls_detail_verify_bits(tls_error_t *error, bool peer_is_server, uint32_t bits) {
    if (has_detail(error)) {
        return;
    }
    snprintf(error->detail, sizeof(error->detail), "%s: %s", peer_is_server ? "server" : "client",
        verify_sentence(bits));
}

// What the alert usually means to the one who gets it, "" if its name says it.
static const char *alert_hint(int alert) {
    switch (alert) {
        case 40:
            return ": no cipher suite, group or signature algorithm in common";
        case 42:
        case 46:
            return ": it refused our certificate";
        case 44:
            return ": our certificate is revoked";
        case 45:
            return ": it takes our certificate for expired";
        case 48:
            return ": it does not trust the issuer of our certificate";
        case 51:
            return ": a signature or a pre-shared key is wrong";
        case 70:
            return ": no TLS version in common";
        case 112:
            return ": it does not know the server name";
        case 115:
            return ": it does not know our pre-shared key identity";
        case 116:
            return ": it wants a client certificate";
        case 120:
            return ": no application protocol in common";
        default:
            return "";
    }
}

void tls_detail_peer_alert(tls_error_t *error, bool peer_is_server, int alert) {
    if (has_detail(error)) {
        return;
    }
    const char *peer = peer_is_server ? "server" : "client";
    const char *name = tls_alert_name(alert);
    if (name == NULL) {
        snprintf(error->detail, sizeof(error->detail), "%s sent alert %d", peer, alert);
    } else {
        snprintf(error->detail, sizeof(error->detail), "%s sent alert %s%s", peer, name, alert_hint(alert));
    }
}

#define VERSION_NAME_SIZE 16

static const char *version_name(int version, bool datagram, char name[VERSION_NAME_SIZE]) {
    int minor = (version & 0xff) - 1;
    if (datagram && minor == 1) {
        minor = 0; // DTLS 1.0 is the sibling of TLS 1.1
    }
    snprintf(name, VERSION_NAME_SIZE, minor < 0 ? "SSL 3.0" : "%sTLS 1.%d", datagram ? "D" : "", minor);
    return name;
}

void tls_detail_versions(tls_error_t *error, unsigned protocol, int hello, int minimum, int maximum) {
    if (error->detail[0] != '\0' && !error->alert_from_peer) {
        return;
    }
    const char *const roles[] = {"client", "server"};
    const char *ours = roles[(protocol & TLS_PROTOCOL_SERVER) != 0];
    const char *theirs = roles[(protocol & TLS_PROTOCOL_SERVER) == 0];
    bool datagram = protocol & TLS_PROTOCOL_DATAGRAM;
    char lowest[VERSION_NAME_SIZE];
    char highest[VERSION_NAME_SIZE];
    char offered[VERSION_NAME_SIZE];
    version_name(minimum, datagram, lowest);
    version_name(maximum, datagram, highest);
    if (hello >= TLS_HELLO_VERSION_DTLS) {
        hello = hello == 0xfeff ? 0x0302 : 0x0400 - (hello & 0xff);
    }
    size_t len = strlen(error->detail);
    char *end = error->detail + len;
    size_t room = sizeof(error->detail) - len;
    // A hello that fits, but for what else the peer said of versions: no more can be told.
    bool fits = hello >= minimum && maximum > TLS_VERSION_1_2;
    if (hello == 0 || fits || error->alert_from_peer) {
        bool one = minimum == maximum;
        snprintf(end, room, "%s; this %s takes %s%s%s", len == 0 ? "no TLS version in common" : "", ours, lowest,
            one ? " only" : " to ", one ? "" : highest);
    } else if (hello < minimum) {
        // A peer of TLS 1.3 that we have no version in common with would have had us take part in it.
        snprintf(end, room, "%s offers at most %s; this %s wants at least %s", theirs,
            version_name(hello, datagram, offered), ours, lowest);
    } else {
        snprintf(end, room, "%s wants at least TLS 1.3; this %s offers at most %s", theirs, ours, highest);
    }
}

void tls_detail_protocol(tls_error_t *error, bool peer_is_server) {
    if (has_detail(error)) {
        return;
    }
    const char *text = error->text[0] != '\0' ? error->text : tls_error_reason(error);
    snprintf(error->detail, sizeof(error->detail), "%s broke the protocol: %.120s",
        peer_is_server ? "server" : "client", text);
}
