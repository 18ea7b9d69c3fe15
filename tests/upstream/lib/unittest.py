"""As much of unittest as MicroPython's own TLS tests use; Debian's source package has none."""

import sys


class TestCase:
    pass


def main():
    """Runs the test methods of all TestCase classes of the main module; prints what run-tests.py looks for."""
    ran = 0
    errors = 0
    for case in vars_of_main():
        if not (isinstance(case, type) and issubclass(case, TestCase) and case is not TestCase):
            continue
        for name in sorted(dir(case)):
            if not name.startswith("test"):
                continue
            ran += 1
            print(name, case.__name__)
            try:
                getattr(case(), name)()
            except Exception as error:
                errors += 1
                sys.print_exception(error)
    print("-" * 70)
    print(f"Ran {ran} tests")
    print()
    print(f"FAILED (failures=0, errors={errors})" if errors else "OK")


def vars_of_main():
    main_module = __import__("__main__")
    return [getattr(main_module, name) for name in dir(main_module)]
