# The same for botocore, which boto3 and the AWS CLI use.
import json
import sys
import time

import botocore.session

seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0
sessions = [botocore.session.Session() for _ in range(10)]
seen = {"keys": [], "calls": 0, "failures": [], "endedWell": False}
until = time.time() + seconds

while True:
    for session in sessions:
        seen["calls"] += 1
        try:
            key = session.get_credentials().get_frozen_credentials().access_key
            if key not in seen["keys"]:
                seen["keys"].append(key)
            seen["endedWell"] = True
        except Exception as error:
            seen["endedWell"] = False
            seen["failures"].append(f"{type(error).__name__}: {error}")
    if time.time() >= until:
        break
    time.sleep(0.25)

print(json.dumps(seen))
