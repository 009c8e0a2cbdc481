"""``python -m shared.http.probe``: exit 0 when the service here is ready, else say why."""

import os
import sys
import urllib.error
import urllib.request

TIMEOUT_SECONDS = 4


def main() -> int:
    url = f"http://127.0.0.1:{os.environ['COPROD_PORT']}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS):
            return 0
    except urllib.error.HTTPError as refused:
        print(refused.read().decode(errors="replace"))  # noqa: T201 - the engine shows it to people
    except OSError as away:
        print(away)  # noqa: T201 - the engine shows it to people
    return 1


if __name__ == "__main__":
    sys.exit(main())
