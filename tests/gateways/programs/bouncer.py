"""CrowdSec's own client: prints what it knows, as JSON, whenever that changes.

``bouncer.py ADDRESS TOKEN``: ADDRESS ends with a slash.
"""

import json
import sys
import threading

from pycrowdsec.client import StreamClient

client = StreamClient(api_key=sys.argv[2], lapi_url=sys.argv[1], interval=1, scopes=("username",))
client.run()
known = None
while not threading.Event().wait(0.05):
    found = client.get_current_decisions()
    if found != known:
        print(json.dumps(found), flush=True)
        known = found
