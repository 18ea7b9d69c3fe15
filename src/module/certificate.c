// Certificates as dicts, in the form of CPython's getpeercert().

#include "module/certificate.h"

#include <stdio.h>

#include "engine/certificate.h"
#include "engine/hostname.h"
#include "module/args.h"
#include "py/objstr.h"

#if MICROPY_PY_SSL_CERTIFICATE_DICT

// ---------------------------------------------------------------------------------------------------------------------
// Parts

static mp_obj_t new_str(const char *text) {
    return mp_obj_new_str_from_cstr(text);
}

static mp_obj_t new_tuple(mp_obj_t list) {
    size_t len;
    mp_obj_t *items;
    mp_obj_get_array(list, &len, &items);
    return mp_obj_new_tuple(len, items);
}

static mp_obj_t new_pair(mp_obj_t first, mp_obj_t second) {
    mp_obj_t items[2] = {first, second};
    return mp_obj_new_tuple(2, items);
}

// str; or bytes for what is no text.
static mp_obj_t text_to_obj(uint8_t tag, tls_bytes_t text) {
    size_t len = tls_text_to_utf8(tag, text, NULL);
    if (len == SIZE_MAX) {
        return mp_obj_new_bytes(text.data, text.len);
    }
    vstr_t vstr;
    vstr_init_len(&vstr, len);
    tls_text_to_utf8(tag, text, vstr.buf);
    return mp_obj_new_str_from_utf8_vstr(&vstr);
}

static mp_obj_t oid_to_obj(tls_bytes_t oid) {
    char text[TLS_OID_TEXT_SIZE];
    return new_str(tls_oid_text(oid, text));
}

static mp_obj_t date_to_obj(const tls_element_t *date) {
    char text[TLS_DATE_TEXT_SIZE];
    return new_str(tls_date_text(date, text));
}

static mp_obj_t serial_to_obj(tls_bytes_t serial) {
    vstr_t vstr;
    vstr_init_len(&vstr, 2 * serial.len + 3);
    vstr.len = tls_serial_text(serial, vstr.buf);
    return mp_obj_new_str_from_utf8_vstr(&vstr);
}

// ---------------------------------------------------------------------------------------------------------------------
// Names: tuples of relative distinguished names, each a tuple of pairs

static void append_rdn(mp_obj_t names, mp_obj_t rdn) {
    if (rdn != MP_OBJ_NULL) {
        mp_obj_list_append(names, new_tuple(rdn));
    }
}

static mp_obj_t name_to_obj(tls_bytes_t content) {
    tls_name_t name = {.rest = content};
    tls_attribute_t attribute;
    mp_obj_t names = mp_obj_new_list(0, NULL);
    mp_obj_t rdn = MP_OBJ_NULL;
    while (tls_name_next(&name, &attribute)) {
        if (attribute.first) {
            append_rdn(names, rdn);
            rdn = mp_obj_new_list(0, NULL);
        }
        mp_obj_t type = oid_to_obj(attribute.type);
        // The first octet of a bit string tells how many bits of the last are not used.
        bool is_bits = attribute.value.tag == TLS_TAG_BIT_STRING && attribute.value.content.len > 0;
        attribute.value.content.data += is_bits ? 1 : 0;
        attribute.value.content.len -= is_bits ? 1 : 0;
        mp_obj_list_append(rdn, new_pair(type, text_to_obj(attribute.value.tag, attribute.value.content)));
    }
    append_rdn(names, rdn);
    return new_tuple(names);
}

// ---------------------------------------------------------------------------------------------------------------------
// Alternative names

static mp_obj_t address_to_obj(tls_bytes_t address) {
    char text[TLS_IP_TEXT_SIZE];
    if (address.len == 4) {
        tls_format_ip(address.data, 4, text);
    } else if (address.len == 16) {
        // In full, unlike RFC 5952: programs compare with what CPython gives them.
        size_t len = 0;
        for (size_t i = 0; i < 16; i += 2) {
            unsigned group = (unsigned)(address.data[i] << 8 | address.data[i + 1]);
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%X", i > 0 ? ":" : "", group);
        }
    } else {
        return new_str("<invalid>");
    }
    return new_str(text);
}

static mp_obj_t directory_to_obj(tls_bytes_t content) {
    tls_element_t name;
    bool ok = tls_element_next(&content, &name) && name.tag == TLS_TAG_SEQUENCE;
    return ok ? name_to_obj(name.content) : mp_const_empty_tuple;
}

// "UPN:user@example.org"
static mp_obj_t other_name_to_obj(tls_bytes_t content) {
    const char *kind;
    tls_element_t value;
    if (!tls_other_name(content, &kind, &value)) {
        return new_str("<unsupported>");
    }
    size_t len = tls_text_to_utf8(TLS_TAG_UTF8, value.content, NULL);
    vstr_t vstr;
    vstr_init(&vstr, len + 20);
    vstr_printf(&vstr, "%s:", kind);
    tls_text_to_utf8(TLS_TAG_UTF8, value.content, vstr_add_len(&vstr, len));
    return mp_obj_new_str_from_utf8_vstr(&vstr);
}

static mp_obj_t alt_name_to_obj(const tls_element_t *name) {
    switch (name->tag) {
        case TLS_TAG_DNS:
            return new_pair(new_str("DNS"), text_to_obj(TLS_TAG_UTF8, name->content));
        case TLS_TAG_EMAIL:
            return new_pair(new_str("email"), text_to_obj(TLS_TAG_UTF8, name->content));
        case TLS_TAG_URI:
            return new_pair(new_str("URI"), text_to_obj(TLS_TAG_UTF8, name->content));
        case TLS_TAG_IP:
            return new_pair(new_str("IP Address"), address_to_obj(name->content));
        case TLS_TAG_REGISTERED:
            return new_pair(new_str("Registered ID"), oid_to_obj(name->content));
        case TLS_TAG_DIRECTORY:
            return new_pair(new_str("DirName"), directory_to_obj(name->content));
        case TLS_TAG_X400:
            return new_pair(new_str("X400Name"), new_str("<unsupported>"));
        case TLS_TAG_EDI:
            return new_pair(new_str("EdiPartyName"), new_str("<unsupported>"));
        default:
            return new_pair(new_str("othername"), other_name_to_obj(name->content));
    }
}

static mp_obj_t alt_names_to_obj(tls_bytes_t content) {
    tls_element_t name;
    mp_obj_t names = mp_obj_new_list(0, NULL);
    while (tls_element_next(&content, &name)) {
        mp_obj_list_append(names, alt_name_to_obj(&name));
    }
    return new_tuple(names);
}

// ---------------------------------------------------------------------------------------------------------------------

static void store(mp_obj_t dict, qstr key, mp_obj_t value) {
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(key), value);
}

// Nothing if there is no such URI.
static void store_uris(mp_obj_t dict, qstr key, const tls_certificate_t *certificate, tls_uri_kind_t kind) {
    tls_uris_t uris = tls_certificate_uris(certificate, kind);
    tls_bytes_t uri;
    mp_obj_t list = MP_OBJ_NULL;
    while (tls_uris_next(&uris, &uri)) {
        list = list != MP_OBJ_NULL ? list : mp_obj_new_list(0, NULL);
        mp_obj_list_append(list, text_to_obj(TLS_TAG_UTF8, uri));
    }
    if (list != MP_OBJ_NULL) {
        store(dict, key, new_tuple(list));
    }
}

mp_obj_t ssl_certificate_to_dict(const uint8_t *der, size_t len) {
    tls_certificate_t certificate;
    if (!tls_certificate_read(&certificate, der, len)) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid cert"));
    }
    mp_obj_t dict = mp_obj_new_dict(8);
    store(dict, MP_QSTR_subject, name_to_obj(certificate.subject));
    store(dict, MP_QSTR_issuer, name_to_obj(certificate.issuer));
    store(dict, MP_QSTR_version, MP_OBJ_NEW_SMALL_INT(certificate.version));
    store(dict, MP_QSTR_serialNumber, serial_to_obj(certificate.serial));
    store(dict, MP_QSTR_notBefore, date_to_obj(&certificate.not_before));
    store(dict, MP_QSTR_notAfter, date_to_obj(&certificate.not_after));
    if (certificate.alt_names.data != NULL) {
        store(dict, MP_QSTR_subjectAltName, alt_names_to_obj(certificate.alt_names));
    }
    store_uris(dict, MP_QSTR_OCSP, &certificate, TLS_URI_OCSP);
    store_uris(dict, MP_QSTR_caIssuers, &certificate, TLS_URI_CA_ISSUERS);
    store_uris(dict, MP_QSTR_crlDistributionPoints, &certificate, TLS_URI_CRL);
    return dict;
}

// For tests, and for what verify_callback is shown.
//| module ssl:
//| def _decode_certificate(der: bytes | bytearray | memoryview, /) -> dict[str, Any]:
//|     """Return the dict that `SSLSocket.getpeercert()` makes of a certificate."""
static mp_obj_t ssl_decode_certificate(mp_obj_t der) {
    mp_buffer_info_t info;
    mp_get_buffer_raise(der, &info, MP_BUFFER_READ);
    return ssl_certificate_to_dict(info.buf, info.len);
}
MP_DEFINE_CONST_FUN_OBJ_1(ssl_decode_certificate_obj, ssl_decode_certificate);

#endif
