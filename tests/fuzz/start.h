// What every fuzz target does before its first input.

#ifndef TESTS_FUZZ_START_H
#define TESTS_FUZZ_START_H

// Of each target: writes inputs to begin with into the folder. Called in place of fuzzing, with FUZZ_SEEDS set.
void write_seeds(const char *dir);

#endif // TESTS_FUZZ_START_H
