"""publisher.py COUNT SECONDS USER...: a worker's part: COUNT facts, SECONDS apart, to the people in turn. Each carries when it was sent."""

import sys
import time
from uuid import UUID

from insight_journey import events
from insight_journey.app import create_app
from insight_journey.extensions import db

count, pause, users = int(sys.argv[1]), float(sys.argv[2]), [UUID(text) for text in sys.argv[3:]]
with create_app().app_context():
    began = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, began + number * pause - time.monotonic()))
        user = users[number % len(users)]
        events.publish(user, "session.created", [{"session_id": str(number), "owner": str(user), "sent": time.monotonic()}])
        db.session.commit()
