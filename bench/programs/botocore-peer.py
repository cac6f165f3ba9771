"""Measures the same figures with botocore: `python3 botocore-peer.py`."""

import json
import time

started = time.perf_counter()
import botocore.session  # noqa: E402

import_ms = (time.perf_counter() - started) * 1e3
session = botocore.session.get_session()
started = time.perf_counter()
credentials = session.get_credentials()
credentials.get_frozen_credentials()
first_load_ms = (time.perf_counter() - started) * 1e3

CALLS = 200_000
started = time.perf_counter()
for _ in range(CALLS):
    credentials.get_frozen_credentials()
ns = (time.perf_counter() - started) * 1e9 / CALLS
print(json.dumps({"importMs": import_ms, "firstLoadMs": first_load_ms, "ns": ns}))
