// The C program of `make bench`, on OpenSSL: the other end of every connection that is measured, and, doing the same as
// hosted.py does in Python, the ceiling to compare with.
//
//   peer serve VERSION SUITE CERTIFICATE [client]   a server for hosted.py's clients; prints its port
//   peer connect PORT VERSION SUITE [CERTIFICATE]   a client, one connection after another
//   peer resume PORT VERSION SUITE                  ... each a resumption of the one before
//   peer crowd PORT COUNT SECONDS                   COUNT connections, then echoes; see crowd()
//   peer WORK PORT CERTIFICATE CALL SECONDS         measured: WORK as in hosted.py, or poll, with CALL idle connections
//   peer crowd PORT CERTIFICATE CALL SECONDS        a server that echoes to all, see crowd_server()
//
// VERSION is 1.2 or 1.3. CERTIFICATE is ec or rsa; with `client` the server demands one. The first byte of a connection
// tells the server what it is for: see serve_one().

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STEP      (1 << 20)
#define CROWD_MAX 10001

static void check(bool good, const char *what) {
    if (!good) {
        fprintf(stderr, "peer: %s failed: %s\n", what, strerror(errno));
        ERR_print_errors_fp(stderr);
        exit(1);
    }
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// ---------------------------------------------------------------------------------------------------------------------
// Contexts and connections

static const char *const roots[] = {"other-root", "root-rsa"};
static const char *const leaves[] = {"other-ca", "rsa-only"};

static const char *file(const char *name, const char *ending) {
    static char path[4096];
    snprintf(path, sizeof(path), "%s/%s.%s", getenv("CERTS"), name, ending);
    return path;
}

static void use(SSL_CTX *ctx, const char *leaf) {
    check(SSL_CTX_use_certificate_chain_file(ctx, file(leaf, "pem")) == 1, "certificate");
    check(SSL_CTX_use_PrivateKey_file(ctx, file(leaf, "key"), SSL_FILETYPE_PEM) == 1, "key");
}

static void trust(SSL_CTX *ctx, const char *root) {
    check(SSL_CTX_load_verify_locations(ctx, file(root, "pem"), NULL) == 1, "root");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

static SSL_CTX *new_context(const SSL_METHOD *method) {
    SSL_CTX *ctx = SSL_CTX_new(method);
    check(ctx != NULL, "context");
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_read_ahead(ctx, 1);
    return ctx;
}

static void limit(SSL_CTX *ctx, const char *version, const char *suite) {
    int number = strcmp(version, "1.3") == 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX_set_min_proto_version(ctx, number);
    SSL_CTX_set_max_proto_version(ctx, number);
    bool good = (number == TLS1_3_VERSION ? SSL_CTX_set_ciphersuites : SSL_CTX_set_cipher_list)(ctx, suite) == 1;
    check(good, "suite");
}

static struct sockaddr_in address(int port) {
    return (struct sockaddr_in) {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int tcp(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); // what is accepted inherits it
    return fd;
}

static int listen_on(int port) {
    struct sockaddr_in local = address(port);
    int fd = tcp();
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    check(bind(fd, (struct sockaddr *)&local, sizeof(local)) == 0 && listen(fd, 100) == 0, "listen");
    return fd;
}

// NULL: nobody listens.
static SSL *open_connection(SSL_CTX *ctx, int port, SSL_SESSION *session) {
    struct sockaddr_in remote = address(port);
    int fd = tcp();
    if (connect(fd, (struct sockaddr *)&remote, sizeof(remote)) != 0) {
        close(fd);
        return NULL;
    }
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    SSL_set_tlsext_host_name(ssl, "server.test");
    SSL_set1_host(ssl, "server.test");
    SSL_set_session(ssl, session);
    if (SSL_connect(ssl) != 1) {
        SSL_free(ssl);
        close(fd);
        return NULL;
    }
    return ssl;
}

static void close_connection(SSL *ssl) {
    int fd = SSL_get_fd(ssl);
    SSL_shutdown(ssl);
    SSL_free(ssl);
    close(fd);
    ERR_clear_error();
}

// ---------------------------------------------------------------------------------------------------------------------
// The server for clients that are measured

static char data[STEP];

// 'r': the client reads for ever. 'w': it writes. 'e': it wants an echo. 'h': nothing but a byte, behind the tickets.
static void serve_one(SSL *ssl) {
    char purpose;
    if (SSL_read(ssl, &purpose, 1) != 1) {
        return;
    }
    int count = 0;
    switch (purpose) {
        case 'r':
            while (SSL_write(ssl, data, sizeof(data)) > 0) {
            }
            break;
        case 'w':
            while (SSL_read(ssl, data, sizeof(data)) > 0) {
            }
            break;
        case 'e':
            while ((count = SSL_read(ssl, data, sizeof(data))) > 0 && SSL_write(ssl, data, count) > 0) {
            }
            break;
        default:
            SSL_write(ssl, "!", 1);
            SSL_read(ssl, data, 1);
            break;
    }
}

static void serve(char **args) {
    SSL_CTX *ctx = new_context(TLS_server_method());
    limit(ctx, args[0], args[1]);
    bool rsa = strcmp(args[2], "rsa") == 0;
    use(ctx, leaves[rsa]);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"bench", 5);
    if (args[3] != NULL) {
        trust(ctx, roots[0]);
    }
    int listener = listen_on(0);
    struct sockaddr_in local;
    socklen_t len = sizeof(local);
    getsockname(listener, (struct sockaddr *)&local, &len);
    printf("%d\n", ntohs(local.sin_port));
    fflush(stdout);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        SSL *ssl = SSL_new(ctx);
        SSL_set_fd(ssl, fd);
        if (SSL_accept(ssl) == 1) {
            serve_one(ssl);
        }
        close_connection(ssl);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// The client of servers that are measured

static SSL_CTX *client_context(const char *certificate) {
    SSL_CTX *ctx = new_context(TLS_client_method());
    if (certificate != NULL) {
        use(ctx, certificate);
    }
    return ctx;
}

// The byte that the server sends comes behind its tickets.
static bool greet(SSL *ssl) {
    char byte = 'h';
    return SSL_write(ssl, &byte, 1) == 1 && SSL_read(ssl, &byte, 1) == 1;
}

static int connect_often(char **args, bool resume) {
    SSL_CTX *ctx = client_context(args[3] != NULL ? "client-other" : NULL);
    limit(ctx, args[1], args[2]);
    SSL_SESSION *session = NULL;
    SSL *ssl;
    for (int i = 0; (ssl = open_connection(ctx, atoi(args[0]), session)) != NULL; i++) {
        if (!greet(ssl)) {
            break;
        }
        check(!resume || i == 0 || SSL_session_reused(ssl), "resumption");
        SSL_SESSION_free(session);
        session = resume ? SSL_get1_session(ssl) : NULL;
        close_connection(ssl);
    }
    return 0;
}

// ---------------------------------------------------------------------------------------------------------------------
// A crowd of connections to a server that echoes

static int compare(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;
    return difference < 0 ? -1 : difference > 0;
}

#define LATENCIES 1000000
static double latencies[LATENCIES];

// Keeps `active` requests under way, each on a connection of its own, and goes round: prints how many were answered a
// second, then the median, the 99th and the highest percentile of their times, in microseconds.
static void echo(SSL **crowd, int count, int active, double seconds) {
    struct pollfd *entries = calloc((size_t)active, sizeof(*entries));
    SSL **served = calloc((size_t)active, sizeof(SSL *));
    double *start = calloc((size_t)active, sizeof(double));
    char request[100] = "request";
    int next = 0;
    size_t done = 0;
    double begin = now();
    for (int i = 0; i < active; i++) {
        served[i] = crowd[next++ % count];
        entries[i] = (struct pollfd) {.fd = SSL_get_fd(served[i]), .events = POLLIN};
        start[i] = now();
        check(SSL_write(served[i], request, sizeof(request)) == sizeof(request), "write");
    }
    while (now() - begin < seconds || done == 0) {
        check(poll(entries, (nfds_t)active, 10000) > 0, "echo");
        for (int i = 0; i < active; i++) {
            if (!(entries[i].revents & POLLIN)) {
                continue;
            }
            check(SSL_read(served[i], request, sizeof(request)) == sizeof(request), "read");
            latencies[done++ % LATENCIES] = now() - start[i];
            if (active < count) {
                served[i] = crowd[next++ % count];
                entries[i].fd = SSL_get_fd(served[i]);
            }
            start[i] = now();
            check(SSL_write(served[i], request, sizeof(request)) == sizeof(request), "write");
        }
    }
    double took = now() - begin;
    // What is still under way is taken, so that the next round finds nothing.
    for (int i = 0; i < active; i++) {
        check(SSL_read(served[i], request, sizeof(request)) == sizeof(request), "read");
    }
    size_t kept = done < LATENCIES ? done : LATENCIES;
    qsort(latencies, kept, sizeof(*latencies), compare);
    printf("%.1f %.1f %.1f %.1f\n", (double)done / took, latencies[kept / 2] * 1e6, latencies[kept * 99 / 100] * 1e6,
        latencies[kept - 1] * 1e6);
    fflush(stdout);
    free(entries);
    free(served);
    free(start);
}

// Opens the connections, prints how many a second; with each line from standard input it goes on: to echoes on one
// connection at a time, to echoes on all of them at once, to the end.
static int crowd(char **args) {
    int count = atoi(args[1]);
    double seconds = atof(args[2]);
    SSL_CTX *ctx = client_context(NULL);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(ctx, 0);
    SSL **all = calloc((size_t)count, sizeof(SSL *));
    double start = now();
    for (int i = 0; i < count; i++) {
        all[i] = open_connection(ctx, atoi(args[0]), NULL);
        check(all[i] != NULL, "connection");
        char request[100] = "first";
        check(SSL_write(all[i], request, sizeof(request)) == sizeof(request), "write");
        // Or the server's answer waits until we acknowledge its tickets (Nagle), and we wait with that: a server under
        // MicroPython's asyncio cannot set TCP_NODELAY.
        int on = 1;
        setsockopt(SSL_get_fd(all[i]), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
        check(SSL_read(all[i], request, sizeof(request)) == sizeof(request), "read");
    }
    printf("%.1f\n", count / (now() - start));
    fflush(stdout);
    getchar();
    echo(all, count, 1, seconds);
    getchar();
    echo(all, count, count, seconds);
    getchar();
    return 0;
}

// Echoes to all, like hosted.py's server: one poll() for all of them, and never ends.
static void crowd_server(char **args) {
    static struct pollfd entries[CROWD_MAX];
    static SSL *served[CROWD_MAX];
    SSL_CTX *ctx = new_context(TLS_server_method());
    use(ctx, leaves[0]);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(ctx, 0);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    nfds_t count = 1;
    entries[0] = (struct pollfd) {.fd = listen_on(atoi(args[0])), .events = POLLIN};
    printf("listening\n");
    fflush(stdout);
    for (;;) {
        check(poll(entries, count, -1) > 0, "poll");
        if (entries[0].revents != 0) {
            check(count < CROWD_MAX, "room");
            int fd = accept(entries[0].fd, NULL, NULL);
            served[count] = SSL_new(ctx);
            SSL_set_fd(served[count], fd);
            check(SSL_accept(served[count]) == 1, "accept"); // its clients come one by one
            entries[count++] = (struct pollfd) {.fd = fd, .events = POLLIN};
        }
        for (nfds_t i = 1; i < count; i++) {
            int read = entries[i].revents != 0 ? SSL_read(served[i], data, sizeof(data)) : 0;
            if (read > 0) {
                check(SSL_write(served[i], data, read) == read, "write");
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// What is measured, for comparison: see hosted.py

static SSL_CTX *ctx;
static SSL *ssl;
static SSL_SESSION *session;
static int port;
static int call;
static char *buffer;
static char one;

static double step_read(void) {
    double done = 0;
    while (done < STEP) {
        int count = SSL_read(ssl, buffer, call);
        check(count > 0, "read");
        done += count;
    }
    return done;
}

static double step_write(void) {
    double done = 0;
    for (; done < STEP; done += call) {
        check(SSL_write(ssl, buffer, call) == call, "write");
    }
    return done;
}

static double step_echo(void) {
    for (int i = 0; i < 100; i++) {
        check(SSL_write(ssl, buffer, call) == call && SSL_read(ssl, buffer, call) == call, "echo");
    }
    return 100;
}

static double step_connect(void) {
    SSL *new = open_connection(ctx, port, session);
    check(new != NULL &&greet(new), "connect");
    if (session != NULL) {
        check(SSL_session_reused(new), "resumption");
        SSL_SESSION_free(session);
        session = SSL_get1_session(new);
    }
    close_connection(new);
    return 1;
}

static int listener;

static double step_accept(void) {
    int fd = accept(listener, NULL, NULL);
    SSL *new = SSL_new(ctx);
    SSL_set_fd(new, fd);
    check(SSL_accept(new) == 1 && SSL_read(new, &one, 1) == 1 && SSL_write(new, "!", 1) == 1, "accept");
    SSL_read(new, &one, 1);
    close_connection(new);
    return 1;
}

static double step_context(void) {
    for (int i = 0; i < 10; i++) {
        SSL_CTX_free(SSL_CTX_new(TLS_client_method()));
    }
    return 10;
}

static double step_roots(void) {
    SSL_CTX *new = SSL_CTX_new(TLS_client_method());
    check(SSL_CTX_load_verify_locations(new, getenv("ROOTS"), NULL) == 1, "roots");
    SSL_CTX_free(new);
    return 1;
}

// What the kernel itself takes for `call` idle connections and one that is ready.
static double step_poll(void) {
    static struct pollfd *entries;
    if (entries == NULL) {
        entries = calloc((size_t)call + 1, sizeof(*entries));
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof(address);
        listener = listen_on(0);
        check(getsockname(listener, (struct sockaddr *)&address, &len) == 0, "getsockname");
        int other = -1;
        for (int i = 0; i <= call; i++) {
            other = socket(AF_INET, SOCK_STREAM, 0);
            check(connect(other, (struct sockaddr *)&address, len) == 0, "connect");
            entries[i] = (struct pollfd) {.fd = accept(listener, NULL, NULL), .events = POLLIN};
        }
        check(write(other, "!", 1) == 1, "write");
    }
    for (int i = 0; i < 100; i++) {
        check(poll(entries, (nfds_t)call + 1, -1) == 1, "poll");
    }
    return 100;
}

static double cpu(void) {
    return (double)clock() / CLOCKS_PER_SEC;
}

// KB.
static long most_resident(void) {
    FILE *status = fopen("/proc/self/status", "r");
    check(status != NULL, "/proc/self/status");
    char line[200];
    long size = 0;
    while (size == 0 && fgets(line, sizeof(line), status) != NULL) {
        (void)sscanf(line, "VmHWM: %ld", &size);
    }
    fclose(status);
    return size;
}

// Prints how often it did it, seconds of the processor, seconds, and the most memory that was resident.
static void measure(double seconds, double (*step)(void)) {
    (void)step();
    double units = 0;
    double wall = now();
    double used = cpu();
    do {
        units += step();
    } while (now() - wall < seconds);
    used = cpu() - used;
    printf("%.0f %.6f %.6f %ld\n", units, used, now() - wall, most_resident());
}

static int measured(const char *work, char **args) {
    static const struct {
        const char *name;
        double (*step)(void);
        char purpose;
    } works[] = {
        {"read", step_read, 'r'},
        {"write", step_write, 'w'},
        {"echo", step_echo, 'e'},
        {"full", step_connect, 0},
        {"mutual", step_connect, 0},
        {"resumed", step_connect, 'h'},
        {"accept", step_accept, 0},
        {"accept-mutual", step_accept, 0},
        {"context", step_context, 0},
        {"roots", step_roots, 0},
        {"poll", step_poll, 0},
    };
    size_t i = 0;
    while (strcmp(works[i].name, work) != 0) {
        check(++i < sizeof(works) / sizeof(works[0]), work);
    }
    port = atoi(args[0]);
    bool rsa = strcmp(args[1], "rsa") == 0;
    call = atoi(args[2]);
    buffer = calloc(1, (size_t)call);
    if (works[i].step == step_accept) {
        ctx = new_context(TLS_server_method());
        use(ctx, leaves[rsa]);
        SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"bench", 5);
        if (strcmp(work, "accept-mutual") == 0) {
            trust(ctx, roots[0]);
        }
        listener = listen_on(port);
        printf("listening\n");
        fflush(stdout);
    } else if (port != 0) {
        ctx = client_context(strcmp(work, "mutual") == 0 ? "client-other" : NULL);
        trust(ctx, roots[rsa]);
    }
    if (works[i].purpose != 0) {
        ssl = open_connection(ctx, port, NULL);
        check(ssl != NULL && SSL_write(ssl, &works[i].purpose, 1) == 1, "connection");
    }
    if (works[i].purpose == 'h') {
        check(SSL_read(ssl, &one, 1) == 1, "read");
        session = SSL_get1_session(ssl);
        close_connection(ssl);
    }
    measure(atof(args[3]), works[i].step);
    return 0;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    const char *command = argc > 2 ? argv[1] : "";
    if (strcmp(command, "serve") == 0 && argc >= 5) {
        serve(argv + 2);
    }
    if ((strcmp(command, "connect") == 0 || strcmp(command, "resume") == 0) && argc >= 5) {
        return connect_often(argv + 2, command[0] == 'r');
    }
    if (strcmp(command, "crowd") == 0 && argc == 5) {
        return crowd(argv + 2);
    }
    if (strcmp(command, "crowd") == 0 && argc == 6) {
        crowd_server(argv + 2);
    }
    if (argc == 6) {
        return measured(command, argv + 2);
    }
    fprintf(stderr, "usage: see the top of bench/peer.c\n");
    return 2;
}
