// libFuzzer calls this first.

#include "start.h"

#include "peers.h"
#include "random.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    setenv("CMOCKA_TEST_ABORT", "1", 1); // what fails outside of a test
    if (!tls_engine_init()) {            // first: it brings the library's allocator
        abort();
    }
    library_start();
    random_start(1);
    const char *dir = getenv("FUZZ_SEEDS");
    if (dir != NULL) {
        write_seeds(dir);
        exit(0);
    }
    return 0;
}
