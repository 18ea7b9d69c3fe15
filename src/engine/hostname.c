// Names and addresses of servers, as text.

#include "engine/hostname.h"

#include <stdio.h>
#include <string.h>

#define HOSTNAME_MAX 253 // RFC 1035 section 2.3.4, without the dot of the root
#define LABEL_MAX    63

// Reads a decimal octet of at most three digits; leading zeros are refused, since some parsers take them for octal.
static const char *parse_octet(const char *text, uint8_t *octet) {
    unsigned value = 0;
    size_t digits = 0;
    while (text[digits] >= '0' && text[digits] <= '9' && digits < 3) {
        value = value * 10 + (unsigned)(text[digits] - '0');
        digits++;
    }
    if (digits == 0 || value > 255 || (digits > 1 && text[0] == '0')) {
        return NULL;
    }
    *octet = (uint8_t)value;
    return text + digits;
}

// Parses four octets; returns where they end, or NULL.
static const char *parse_ipv4(const char *text, uint8_t address[4]) {
    for (int i = 0; i < 4; i++) {
        if (i > 0 && *text++ != '.') {
            return NULL;
        }
        text = parse_octet(text, &address[i]);
        if (text == NULL) {
            return NULL;
        }
    }
    return text;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *parse_group(const char *text, uint8_t octets[2]) {
    unsigned value = 0;
    int digits = 0;
    for (; digits < 4 && hex_digit(*text) >= 0; digits++) {
        value = value * 16 + (unsigned)hex_digit(*text++);
    }
    octets[0] = (uint8_t)(value >> 8);
    octets[1] = (uint8_t)value;
    return digits == 0 ? NULL : text;
}

// RFC 4291 section 2.2: groups of hex digits, one "::" for a run of zeros, an IPv4 address for the last two groups.
static bool parse_ipv6(const char *text, char end, uint8_t address[16]) {
    size_t filled = 0;
    size_t gap = SIZE_MAX; // where "::" stands
    if (text[0] == ':') {
        if (text[1] != ':') {
            return false;
        }
        text += 2;
        gap = 0;
    }
    while (*text != end) {
        uint8_t ipv4[4];
        const char *after = parse_ipv4(text, ipv4);
        if (after != NULL && *after == end && filled <= 12) {
            memcpy(address + filled, ipv4, 4);
            filled += 4;
            break;
        }
        if (filled > 14) {
            return false;
        }
        text = parse_group(text, address + filled);
        if (text == NULL) {
            return false;
        }
        filled += 2;
        if (*text == end) {
            break;
        }
        if (*text++ != ':') {
            return false;
        }
        if (*text == ':') {
            if (gap != SIZE_MAX) {
                return false;
            }
            gap = filled;
            text++;
        } else if (*text == end) {
            return false; // a single colon at the end
        }
    }
    if (gap == SIZE_MAX) {
        return filled == 16;
    }
    if (filled > 14) {
        return false; // "::" stands for at least one group
    }
    memmove(address + 16 - (filled - gap), address + gap, filled - gap);
    memset(address + gap, 0, 16 - filled);
    return true;
}

size_t tls_parse_ip(const char *name, uint8_t address[16]) {
    const char *after = parse_ipv4(name, address);
    if (after != NULL && *after == '\0') {
        return 4;
    }
    if (name[0] == '[') {
        const char *bracket = strchr(name, ']');
        return bracket != NULL && bracket[1] == '\0' && parse_ipv6(name + 1, ']', address) ? 16 : 0;
    }
    return parse_ipv6(name, '\0', address) ? 16 : 0;
}

static unsigned group_at(const uint8_t *address, size_t i) {
    return (unsigned)(address[2 * i] << 8 | address[2 * i + 1]);
}

// The longest run of at least two zero groups, the first of equals: that is what "::" stands for.
static size_t find_zero_run(const uint8_t *address, size_t *run_len) {
    size_t best = 8;
    *run_len = 1;
    for (size_t start = 0; start < 8; start++) {
        size_t len = 0;
        while (start + len < 8 && group_at(address, start + len) == 0) {
            len++;
        }
        if (len > *run_len) {
            best = start;
            *run_len = len;
        }
    }
    return best;
}

static void format_ipv6(const uint8_t *address, char text[TLS_IP_TEXT_SIZE]) {
    size_t run_len;
    size_t run = find_zero_run(address, &run_len);
    size_t used = 0;
    for (size_t i = 0; i < 8; i++) {
        if (i == run) {
            used += (size_t)snprintf(text + used, TLS_IP_TEXT_SIZE - used, "::");
            i += run_len - 1;
            continue;
        }
        const char *colon = used > 0 && text[used - 1] != ':' ? ":" : "";
        used += (size_t)snprintf(text + used, TLS_IP_TEXT_SIZE - used, "%s%x", colon, group_at(address, i));
    }
}

const char *tls_format_ip(const uint8_t *address, size_t len, char text[TLS_IP_TEXT_SIZE]) {
    text[0] = '\0';
    if (len == 4) {
        snprintf(text, TLS_IP_TEXT_SIZE, "%u.%u.%u.%u", address[0], address[1], address[2], address[3]);
    } else if (len == 16) {
        format_ipv6(address, text);
    }
    return text;
}

bool tls_normalize_hostname(const char *name, char out[254]) {
    size_t len = strlen(name);
    if (len > 0 && name[len - 1] == '.') {
        len--;
    }
    if (len == 0 || len > HOSTNAME_MAX) {
        return false;
    }
    size_t label = 0;
    for (size_t i = 0; i < len; i++) {
        if (name[i] <= ' ' || name[i] > '~') {
            return false;
        }
        if (name[i] != '.') {
            label++;
        } else if (label == 0) {
            return false; // an empty label
        } else {
            label = 0;
        }
        if (label > LABEL_MAX) {
            return false;
        }
    }
    if (label == 0) {
        return false; // an empty last label
    }
    memcpy(out, name, len);
    out[len] = '\0';
    return true;
}

static uint8_t to_lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool tls_same_letters(tls_bytes_t a, tls_bytes_t b) {
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (to_lower(a.data[i]) != to_lower(b.data[i])) {
            return false;
        }
    }
    return true;
}

static bool is_label_character(char c) {
    uint8_t lower = to_lower((uint8_t)c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

bool tls_hostname_matches(tls_bytes_t name, const char *host) {
    tls_bytes_t asked = {.data = (const uint8_t *)host, .len = strlen(host)};
    asked.len -= asked.len > 0 && host[asked.len - 1] == '.';
    if (tls_same_letters(name, asked)) {
        return true;
    }
    if (name.len < 3 || name.data[0] != '*' || memchr(name.data + 2, '.', name.len - 2) == NULL) {
        return false;
    }
    size_t label = 0;
    while (is_label_character(host[label])) {
        label++;
    }
    name = (tls_bytes_t) {.data = name.data + 1, .len = name.len - 1};
    asked = (tls_bytes_t) {.data = asked.data + label, .len = asked.len - label};
    return label > 0 && tls_same_letters(name, asked);
}
